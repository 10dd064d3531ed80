"""What an event must say for a condition to hold, as far as its text tells: `event.type == "a"`, and the like.

Taken from how CEL itself read the condition. An event that says something else makes a part of it false, and in CEL
`false && …` is false, also where the rest has no value: such an event need not be put to the condition at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from cel_expr_python import cel
from google.protobuf import any_pb2, descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

Value: TypeAlias = str | int | None
#: by field: the values with which the condition may hold; it does not with any other
Needs: TypeAlias = Mapping[str, frozenset[Value]]
#: what an event says in one of `FIELDS`
Says: TypeAlias = Callable[[str], Any]

#: texts and whole numbers of the event that are known before anything else is looked up; the first are asked first
FIELDS = (
    "type",
    "event_type.slug",
    "event_type.id",
    "organizer.email",
    "organizer.id",
    "organizer.username",
    "booking.uid",
    "title",
    "webhook",
    "connection",
    "status",
    "kind",
    "trigger",
    "webhook_version",
)

_INT64 = range(-(2**63), 2**63)
#: in place of a value that expressions may take for another than it is
_UNSURE = object()


def needs(program: cel.Expression) -> Needs:
    """What a compiled condition needs; {} where its text does not tell."""
    try:
        packed = any_pb2.Any.FromString(program.serialize())
        parsed = _parsed().FromString(packed.value)
    except (RuntimeError, DecodeError):  # this CEL does not tell
        return {}
    return _of(parsed.expr)


def met(needs: Needs, says: Says) -> bool:
    """Whether an event may say what is needed; only False is certain."""
    return all((value := seen(says(field))) is _UNSURE or value in values for field, values in needs.items())


def is_sure(value: Any) -> bool:
    """Whether what `seen` gave can be compared with what is needed."""
    return value is not _UNSURE


def seen(value: Any) -> Any:
    """A value as expressions see it: half a character is mended there."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    return value if type(value) is int and value in _INT64 else _UNSURE


def said(event: Mapping[str, Any], field: str) -> Any:
    """What an event, as history shows it, says in one of `FIELDS`."""
    outer, _, inner = field.partition(".")
    value = event.get(outer)
    if not inner or value is None:
        return value
    return value.get(inner) if isinstance(value, Mapping) else _UNSURE


def both(one: Needs, other: Needs) -> Needs:
    """What is needed where both must be met."""
    return {**one, **{field: values & one.get(field, values) for field, values in other.items()}}


def _either(one: Needs, other: Needs) -> Needs:
    return {field: values | other[field] for field, values in one.items() if field in other}


def _of(expr: Any) -> Needs:
    if expr.WhichOneof("kind") != "call" or expr.call.HasField("target"):
        return {}
    arguments = list(expr.call.args)
    match expr.call.function:
        case "_&&_" | "_||_" as joined if arguments:
            join = both if joined == "_&&_" else _either
            found = _of(arguments[0])
            for each in arguments[1:]:
                found = join(found, _of(each))
            return found
        case "_==_" if len(arguments) == 2:
            first, second = arguments
            return _one_of(first, [second]) or _one_of(second, [first])
        case "@in" if len(arguments) == 2 and arguments[1].WhichOneof("kind") == "list":
            listed = arguments[1].list
            return {} if listed.optional_indices else _one_of(arguments[0], listed.elements)
    return {}


def _one_of(place: Any, literals: Any) -> Needs:
    field, values = _field(place), [_literal(each) for each in literals]
    return {field: frozenset(values)} if field in FIELDS and _UNSURE not in values else {}


def _field(expr: Any) -> str:
    """`organizer.id` for `event.organizer.id`; "" for everything else."""
    names: list[str] = []
    while expr.WhichOneof("kind") == "select" and not expr.select.test_only:
        names.append(expr.select.field)
        expr = expr.select.operand
    return ".".join(reversed(names)) if expr.WhichOneof("kind") == "ident" and expr.ident.name == "event" else ""


def _literal(expr: Any) -> Any:
    kind = expr.const.WhichOneof("kind") if expr.WhichOneof("kind") == "const" else None
    match kind:
        case "string":
            return expr.const.string
        case "int64":
            return expr.const.int64
        case "null":
            return None
    # 5.0 is 5 for CEL, and true is 1 for Python: neither can be looked up
    return _UNSURE


@cache
def _parsed() -> Any:
    """As much of `cel.expr.ParsedExpr` as is looked at; what is not declared is not read."""
    file = descriptor_pb2.FileDescriptorProto(name="needs.proto", package="daybook.needs", syntax="proto3")
    scalar = descriptor_pb2.FieldDescriptorProto
    for name, (choice, fields) in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if choice:
            message.oneof_decl.add(name="kind")
        for number, (field, spelled) in fields.items():
            kind = spelled.removeprefix("repeated ")
            of_scalar = getattr(scalar, f"TYPE_{kind.upper()}", None)
            made = message.field.add(
                name=field,
                number=number,
                type=of_scalar or scalar.TYPE_MESSAGE,
                label=scalar.LABEL_REPEATED if kind != spelled else scalar.LABEL_OPTIONAL,
            )
            if of_scalar is None:
                made.type_name = f".{file.package}.{kind}"
            if choice:
                made.oneof_index = 0
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.Parsed"))


#: by message: whether one of its fields is set, and its fields by number
_MESSAGES: Mapping[str, tuple[bool, Mapping[int, tuple[str, str]]]] = {
    "Parsed": (False, {2: ("expr", "Expr")}),
    "Expr": (
        True,
        {
            3: ("const", "Constant"),
            4: ("ident", "Ident"),
            5: ("select", "Select"),
            6: ("call", "Call"),
            7: ("list", "List"),
        },
    ),
    "Constant": (True, {1: ("null", "int32"), 3: ("int64", "int64"), 6: ("string", "string")}),
    "Ident": (False, {1: ("name", "string")}),
    "Select": (False, {1: ("operand", "Expr"), 2: ("field", "string"), 3: ("test_only", "bool")}),
    "Call": (False, {1: ("target", "Expr"), 2: ("function", "string"), 3: ("args", "repeated Expr")}),
    "List": (False, {1: ("elements", "repeated Expr"), 2: ("optional_indices", "repeated int32")}),
}
