"""`tool`: call one of the 37 tools. How its effect is looked for afterwards is in `probes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.actions import calling, echo, probes
from workers.actions.kind import Absent, Again, Call, Caller, Done, Outcome, Refused, Toolbox, Unknowable
from workers.actions.telling import masked
from workers.calcom.tool import Tool
from workers.calcom.tools import TOOLS
from workers.errors import AlreadyExists, DaybookError, Forbidden, Missing, StoreUnavailable
from workers.rules.kinds import Key, Problem


class ToolStep:
    """Calls a tool for the step's connection. The output is the reply's `data`; of a list it is `{"items": [...]}`."""

    name = "tool"
    keys: Mapping[str, Key] = {
        "tool": Key({"type": "string", "examples": [*TOOLS], "description": "The tool's name."}, required=True),
        "with": Key(calling.ARGUMENTS),
    }
    duration = False
    changes = True
    sees_payload = False

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """A name that is none, parameters that are none, missing or wrong."""
        tool = calling.named("tool", values.get("tool"))
        if isinstance(tool, Problem):
            yield tool
        else:
            yield from calling.argument_problems(tool, values.get("with", {}))

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The shape of the reply's `data`."""
        tool = calling.named("tool", values.get("tool"))
        return {} if isinstance(tool, Problem) else calling.output_schema(tool)

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        """Call it once. What Cal.com has already, or does not have any more, is looked at before it is refused."""
        tool = calling.named("tool", call.values.get("tool"))
        if isinstance(tool, Problem):
            return Refused(tool.message)
        caller = calling.reached(call, box)
        if isinstance(caller, Refused):
            return caller
        try:
            reply = caller.call(tool.name, calling.arguments(call))
        except StoreUnavailable:
            raise
        except AlreadyExists as error:
            return _settled(error, tool, call, caller, "Cal.com had it already (409): nothing was made or changed.")
        except (Forbidden, Missing) as error:
            if error.code is None or error.status not in tool.gone:
                return Refused(error.message)
            note = f"It was not there any more ({error.status}): nothing was deleted."
            if isinstance(error, Missing):
                return Done({}, found=True, note=note)
            return _settled(error, tool, call, caller, note)
        except DaybookError as error:
            return calling.ended(error, changes=not tool.reads)
        return Done(calling.output(tool, reply.data), found=reply.repeated)

    def probe(self, call: Call, box: Toolbox) -> Done | Absent | Unknowable | Again:
        """Ask Cal.com whether the effect is there. A call that only reads may be made again."""
        tool = calling.named("tool", call.values.get("tool"))
        if isinstance(tool, Problem) or tool.reads:
            return Absent()
        caller = calling.reached(call, box)
        if isinstance(caller, Refused):
            return Unknowable(caller.reason)
        return probes.look(tool, calling.arguments(call), caller)

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values, secret parameters masked."""
        tool, given = TOOLS.get(str(values.get("tool"))), values.get("with")
        if tool is None or not isinstance(given, Mapping):
            return masked(values)
        secret = [param.name for param in tool.params if param.secret]
        rest = {key: value for key, value in values.items() if key != "with"}
        return {**masked(rest), "with": masked(given, *secret)}

    def effect(self, call: Call) -> str | None:
        """The name of the out-of-office entry it makes or changes: of that Cal.com sends an event."""
        return echo.of_call(str(call.values.get("tool")), calling.arguments(call), call.connection)


def _settled(
    error: AlreadyExists | Forbidden, tool: Tool, call: Call, caller: Caller, note: str
) -> Done | Refused | Again:
    """What a refusal means that may only say that all is as the step wants it."""
    match probes.look(tool, calling.arguments(call), caller):
        case Done(output):
            return Done(output, found=True, note=note)
        case Again() as later:  # the refusal stands: nothing was done
            return later
        case Absent(reason) | Unknowable(reason):
            return Refused(f"{error.message} {reason}".rstrip())
