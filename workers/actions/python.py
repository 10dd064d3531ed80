"""`python`: a function of one's own, for what YAML should not say. It is named in DAYBOOK_PYTHON_STEPS."""

from __future__ import annotations

import importlib
import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Any, TypeAlias

import msgspec
import structlog

from workers.actions.kind import Absent, Again, Call, Done, Lost, Outcome, Refused, Toolbox, Unknowable
from workers.actions.telling import masked, told
from workers.errors import Misconfigured
from workers.rules.kinds import UNKNOWN, Key, Problem
from workers.settings import Settings

#: takes the step's `with`, the event and the step's key, which is the same for every attempt; gives back JSON
Function: TypeAlias = Callable[[dict[str, Any], dict[str, Any], str], Any]
SETTING = "DAYBOOK_PYTHON_STEPS"

log = structlog.get_logger(__name__)


class TryAgain(Exception):
    """Raised by a function that has certainly done nothing, and is worth another try after so many seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class PythonStep:
    """Calls a function in the worker. The output is what it returns.

    TryAgain is tried again. Any other exception may come after half of the work: the end is unknown, and a person
    decides, unless the step says `idempotent: true`: then it is called again. The key helps a function to be so.
    """

    name = "python"
    keys: Mapping[str, Key] = {
        "python": Key({"type": "string", "description": f"The function's name in {SETTING}."}, required=True),
        "with": Key({"type": "object", "description": "What the function gets as its first argument."}),
        "idempotent": Key({"type": "boolean", "description": "A second call has no second effect."}),
    }
    duration = False
    changes = True
    sees_payload = True

    def __init__(self, settings: Settings) -> None:
        self._functions = {name: _imported(name, path) for name, path in (settings.python_steps or {}).items()}

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """A name that is none."""
        name = values.get("python")
        if not isinstance(name, str) or name not in self._functions:
            yield Problem(("python",), self._unknown(name))
        if not isinstance(values.get("with", {}), Mapping):
            yield Problem(("with",), "with must be a mapping.")
        if (flag := values.get("idempotent", UNKNOWN)) is not UNKNOWN and not isinstance(flag, bool):
            yield Problem(("idempotent",), "idempotent must be true or false.")

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Anything."""
        return {}

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        """Call it once. How long it takes is its own affair: nothing ends it."""
        name = call.values.get("python")
        function = self._functions.get(name) if isinstance(name, str) else None
        if function is None:
            return Refused(self._unknown(name))
        given = call.values.get("with")
        try:
            arguments = (dict(given) if isinstance(given, Mapping) else {}, dict(call.event), call.key)
            returned = function(*deepcopy(arguments))  # what it does to them is seen by nobody else
        except TryAgain as error:
            return Again(told(f"{name}: {error.reason}"), max(0.0, error.after))
        except (Exception, SystemExit) as error:
            where = _place(error)
            log.warning("python_step.raised", step=call.step, rule=call.rule, error=type(error).__name__, where=where)
            return Lost(told(f"{name} raised {type(error).__name__} at {where}: {error}"))
        try:
            return Done(msgspec.json.decode(msgspec.json.encode(returned)))
        except (TypeError, ValueError, RecursionError):
            return Refused(f"{name} ran to its end, but returned {type(returned).__name__}, which is no JSON.")

    def probe(self, call: Call, box: Toolbox) -> Absent | Unknowable:
        """Nobody can be asked; only what is idempotent may simply be called again."""
        if call.values.get("idempotent") is True:
            return Absent()
        name = told(call.values.get("python"))
        return Unknowable(
            f"{name} was called and did not return. Look whether it did its work; a step whose function may be called "
            "twice may say `idempotent: true`."
        )

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values, secrets masked."""
        return masked(values)

    def effect(self, call: Call) -> None:
        """It causes no event that could be known."""

    def _unknown(self, name: object) -> str:
        if name is UNKNOWN or not isinstance(name, str):
            return "python must name its function outright, not by an expression."
        near = get_close_matches(name, self._functions, 1)
        known = ", ".join(self._functions) or "none"
        hint = f"did you mean {near[0]}?" if near else f"it names {known}."
        return f"{SETTING} names no function {name[:60]!r}; {hint}"


def _imported(name: str, path: str) -> Function:
    """The function that `package.module:function` names. Raises Misconfigured."""
    module, _, attribute = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except (Exception, SystemExit) as error:
        raise Misconfigured(
            f"{SETTING}: {name} cannot be imported from {module}: {type(error).__name__} at {_place(error)}: "
            f"{told(error)}. Install the module where Daybook is installed, or mend it."
        ) from None
    if not callable(found):
        raise Misconfigured(f"{SETTING}: {module} has no function {attribute!r}, which {name} is to be.")
    if inspect.iscoroutinefunction(found):
        raise Misconfigured(f"{SETTING}: {name} must be an ordinary function, not an async one.")
    try:
        inspect.signature(found).bind({}, {}, "")
    except TypeError:
        raise Misconfigured(f"{SETTING}: {name} must take three arguments: values, event, key.") from None
    except ValueError:  # one written in C says nothing of its arguments
        pass
    function: Function = found
    return function


def _place(error: BaseException) -> str:
    """File and line that raised: `billing.py:41`."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{last[0].filename.rpartition('/')[2]}:{last[0].lineno}" if last else "its call"
