"""`stop`: end the run here, well, with a reason. It stops nothing outside of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.actions.kind import Absent, Call, Stop, Toolbox
from workers.actions.telling import told
from workers.rules.kinds import Key, Problem


class StopStep:
    """Ends the run; with `if`, where it holds."""

    name = "stop"
    keys: Mapping[str, Key] = {
        "stop": Key({"type": "string", "minLength": 1, "description": "Why the run ends here."}, required=True)
    }
    duration = False
    changes = False
    sees_payload = False

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """A reason has to be one."""
        if not values.get("stop"):
            yield Problem(("stop",), "stop needs a reason, which the run will show.")

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Nothing: no step follows it."""
        return {"type": "object", "properties": {}, "additionalProperties": False}

    def perform(self, call: Call, box: Toolbox) -> Stop:
        """End the run."""
        return Stop(told(call.values["stop"]) or "The rule stopped it.")

    def probe(self, call: Call, box: Toolbox) -> Absent:
        """It changes nothing."""
        return Absent()

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """As they are."""
        return values

    def effect(self, call: Call) -> None:
        """It causes no event."""
