"""What this installation does by the clock: the jobs of `timetable`, made of the verbs and the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

from workers import drift
from workers.calcom.rim import AS_USUAL
from workers.differences import Kind
from workers.forget import forget
from workers.reach import reach_giving_way
from workers.reconcile import outcome, reconcile
from workers.register import Registry
from workers.rulebook import Rulebook
from workers.settings import Settings
from workers.store.engine import Store
from workers.timetable import Job, Over
from workers.vault import Vault
from workers.watch import watch

#: seconds that a call of a job may take, and that it waits where actions of rules want the budget
_CALL, _PATIENCE = 30.0, 60.0
#: seconds between two times of forgetting what is past its age
_FORGET = 3600.0


def duties(settings: Settings, store: Store, vault: Vault, book: Rulebook) -> list[Job]:
    """The jobs; one that the settings do not want is left out."""
    found = [
        Job("watch", settings.watch_interval, lambda _goes_on: _watch(store, book)),
        Job("forget", _FORGET, lambda goes_on: _forget(settings, store, goes_on)),
    ]
    if settings.drift_interval:
        found.append(Job("drift", settings.drift_interval, lambda goes_on: _drift(settings, store, vault, goes_on)))
    if settings.reconcile_interval:
        found.append(
            Job("reconcile", settings.reconcile_interval, lambda goes_on: _reconcile(store, vault, book, goes_on))
        )
    return found


def _watch(store: Store, book: Rulebook) -> str | None:
    told = watch(store, book.live(), datetime.now(UTC))
    return f"{told} told" if told else None


def _forget(settings: Settings, store: Store, goes_on: Callable[[], None]) -> str | None:
    report = forget(settings, store, datetime.now(UTC), _Until(goes_on))
    if not report.ended:
        raise Over("there was no time for all that is past")
    number = sum(report.deleted.values())
    return f"{number:,} rows deleted, {len(report.dropped)} months dropped." if number or report.dropped else None


class _Until(Event):
    """Set once a job has to end."""

    def __init__(self, goes_on: Callable[[], None]) -> None:
        super().__init__()
        self._goes_on = goes_on

    def is_set(self) -> bool:
        try:
            self._goes_on()
        except Over:
            self.set()
        return super().is_set()


def _drift(settings: Settings, store: Store, vault: Vault, goes_on: Callable[[], None]) -> str | None:
    wanted = drift.wanted(settings)
    if not wanted:
        return f"{settings.config_path} wants no webhooks."
    registry = Registry(
        store,
        vault,
        settings.base_url,
        lambda pcid: reach_giving_way(store, vault, pcid, patience=_PATIENCE, timeouts=AS_USUAL.within(_CALL)),
    )
    return drift.tend(registry, wanted, {Kind(repair) for repair in settings.drift_repair}, goes_on)


def _reconcile(store: Store, vault: Vault, book: Rulebook, goes_on: Callable[[], None]) -> str | None:
    return outcome(reconcile(store, vault, book.live, goes_on=goes_on))
