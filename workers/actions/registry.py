"""Every kind of step, on one screen. To add one: its file, a line here, a test."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workers.actions.history import HistoryStep
from workers.actions.http import HttpStep
from workers.actions.kind import Kind
from workers.actions.lookup import LookupStep
from workers.actions.python import PythonStep
from workers.actions.stop import StopStep
from workers.actions.tool import ToolStep
from workers.actions.wait import WaitStep
from workers.settings import Settings


def kinds(settings: Settings) -> Mapping[str, Kind]:
    """The kinds by name. Raises Misconfigured for a function in DAYBOOK_PYTHON_STEPS that is not to be had."""
    every: tuple[Kind, ...] = (
        ToolStep(),
        LookupStep(),
        HistoryStep(),
        HttpStep(settings),
        PythonStep(settings),
        WaitStep(),
        StopStep(),
    )
    return MappingProxyType({kind.name: kind for kind in every})
