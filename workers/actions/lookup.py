"""`lookup`: ask a reading tool, for what later steps need to know. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.actions import calling
from workers.actions.kind import Absent, Call, Done, Outcome, Refused, Toolbox
from workers.actions.telling import masked
from workers.calcom.tools import TOOLS
from workers.errors import DaybookError, Missing, StoreUnavailable
from workers.rules.kinds import Key, Problem

READING = [name for name, tool in TOOLS.items() if tool.reads]


class LookupStep:
    """Calls a reading tool. The output is as `tool`'s; where Cal.com has no such thing (404) no field is there.

    Cal.com says 403 of some things that are not there, and of what the credential may not read: that is refused. To
    ask whether such a thing is there, look it up in its list, which is then without it.
    """

    name = "lookup"
    keys: Mapping[str, Key] = {
        "lookup": Key(
            {"type": "string", "examples": READING, "description": "The name of a tool that reads."}, required=True
        ),
        "with": Key(calling.ARGUMENTS),
    }
    duration = False
    changes = False
    sees_payload = False

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """A name that is none or of a tool that changes something; parameters that are none, missing or wrong."""
        tool = calling.named("lookup", values.get("lookup"), reading=True)
        if isinstance(tool, Problem):
            yield tool
        else:
            yield from calling.argument_problems(tool, values.get("with", {}))

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The shape of the reply's `data`."""
        tool = calling.named("lookup", values.get("lookup"), reading=True)
        return {} if isinstance(tool, Problem) else calling.output_schema(tool)

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        """Ask once."""
        tool = calling.named("lookup", call.values.get("lookup"), reading=True)
        if isinstance(tool, Problem):
            return Refused(tool.message)
        caller = calling.reached(call, box)
        if isinstance(caller, Refused):
            return caller
        try:
            return Done(calling.output(tool, caller.call(tool.name, calling.arguments(call)).data))
        except StoreUnavailable:
            raise
        except Missing:
            return Done({}, note="Cal.com has no such thing.")
        except DaybookError as error:
            return calling.ended(error, changes=False)

    def probe(self, call: Call, box: Toolbox) -> Absent:
        """It changes nothing."""
        return Absent()

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values, secrets masked."""
        return masked(values)

    def effect(self, call: Call) -> None:
        """It causes no event."""
