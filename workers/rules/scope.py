"""What can be named at one place of a rule, and the CEL environments that check and run expressions there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from workers.rules import guard
from workers.rules.functions import FUNCTIONS
from workers.rules.shapes import EVENT, URL, Fit, Schema, Types, Unfit, json_value

#: by step: the schema of its output
Outputs = Mapping[str, Schema]

_ANY = "google.protobuf.Any"
_VALUE = "google.protobuf.Value"


class Scope:
    """What an expression may name: the event, `now`, and outputs of earlier steps (`run`, `undo`)."""

    def __init__(self, *, now: bool = True, run: Outputs | None = None, undo: Outputs | None = None) -> None:
        outputs = {name: steps for name, steps in (("run", run), ("undo", undo)) if steps}
        types = Types(exact=True)
        variables = {"event": types.message(EVENT, "event")[0]}
        for name, steps in outputs.items():
            fields = {step: types.field(schema, f"{name}.{step}") for step, schema in steps.items()}
            variables[name] = types.declare(name, {step: field[:2] for step, field in fields.items()})
        self._checks = _environment(types.pool(), variables, now=now)
        self.variables = (*variables, *(["now"] if now else []))
        #: of each message type: what people call it, and its fields
        self.names = types.names
        #: where its expressions run: those that name no outputs all share one
        self.stage = Stage(outputs) if outputs else plain_stage()

    def check(self, text: str) -> str:
        """The name of the type of what an expression gives. Raises RuntimeError, CEL's one word for what is wrong."""
        return self._checks.compile(text).return_type().name()


class Stage:
    """Where expressions run: an environment, and the messages that its variables are made of."""

    def __init__(self, outputs: Mapping[str, Outputs]) -> None:
        types = Types(exact=False)
        event, self._fit_event = types.message(EVENT, "event")
        variables = {"event": event}
        shapes: dict[str, dict[str, tuple[str, Fit]]] = {}
        for name, steps in outputs.items():
            shapes[name] = {step: _packed(types, schema) for step, schema in steps.items()}
            variables[name] = types.declare(name, dict.fromkeys(steps, (_ANY, False)))
        pool = types.pool()
        self.environment = _environment(pool, variables, now=True, more=guard.FUNCTIONS)
        self._classes = {name: _class(pool, type_name) for name, type_name in variables.items()}
        self._steps = {
            name: {step: (type_name, _class(pool, type_name), fit) for step, (type_name, fit) in steps.items()}
            for name, steps in shapes.items()
        }
        self._value = _class(pool, _VALUE)

    def event(self, event: Mapping[str, Any]) -> Message:
        """An event as a message. Raises Unfit, and UnicodeEncodeError for half a surrogate pair."""
        return self._classes["event"](**self._fit_event(event))

    def steps(self, given: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
        """Which of the given outputs can be named here: by `run` and `undo`, the steps."""
        return {name: [step for step in steps if step in given[name]] for name, steps in self._steps.items()}

    def outputs(self, name: str, outputs: Mapping[str, Any]) -> Message:
        """What steps of `run` or `undo` gave, as a message. A step that is not among them has no output."""
        steps = self._steps[name]
        packed = {step: self._pack(*steps[step], output) for step, output in outputs.items()}
        return self._classes[name](**packed)

    def activation(self, event: Message, now: datetime, outputs: Mapping[str, Message]) -> cel.Activation:
        """The variables of one evaluation, or of many."""
        return self.environment.Activation({"event": event, "now": now, **outputs})

    def _pack(self, type_name: str, made: type[Message], fit: Fit, value: Any) -> dict[str, Any]:
        try:
            message = made(**fit(value))
        except (Unfit, TypeError, ValueError):
            type_name, message = _VALUE, self._value(**json_value(value))
        return {"type_url": URL + type_name, "value": message.SerializeToString()}


def _packed(types: Types, schema: Schema) -> tuple[str, Fit]:
    """The type that holds a step's output while running: its own where it has fields, else any JSON."""
    type_name, many, fit = types.field(schema, "")
    return (type_name, fit) if type_name.startswith("daybook.") and not many else (_VALUE, json_value)


def _environment(
    pool: DescriptorPool, variables: Mapping[str, str], *, now: bool, more: tuple[cel.FunctionDecl, ...] = ()
) -> cel.Env:
    typed = {name: cel.Type(type_name) for name, type_name in variables.items()}
    if now:
        typed["now"] = cel.Type.TIMESTAMP
    return cel.NewEnv(
        pool,
        variables=typed,
        functions=(*FUNCTIONS, *more),
        extensions=[
            ext_bindings.ExtBindings(),
            ext_encoders.ExtEncoders(),
            ext_math.ExtMath(),
            ext_optional.ExtOptional(),
        ],
    )


def _class(pool: DescriptorPool, type_name: str) -> type[Message]:
    return GetMessageClass(pool.FindMessageTypeByName(type_name))


@cache
def plain_stage() -> Stage:
    """Where every expression runs that names no outputs."""
    return Stage({})


def scope(*, now: bool = True, run: Outputs | None = None, undo: Outputs | None = None) -> Scope:
    """The scope in which outputs of these shapes can be named; rules that see the same share one.

    `once_per` is without `now`: the same event is the same occasion at any time.
    """
    return _scope(now, _spelled(run), _spelled(undo))


def _spelled(outputs: Outputs | None) -> str:
    return json.dumps(outputs or {}, default=dict)


@lru_cache(maxsize=512)
def _scope(now: bool, run: str, undo: str) -> Scope:
    return Scope(now=now, run=json.loads(run), undo=json.loads(undo))
