"""A rule spelled anew, as a rule file of its own that says the same: what a rule's version is taken of, and kept."""

from __future__ import annotations

from typing import Any

import yaml

from workers.rules.document import resolved

_TAGS = {str: "str", bool: "bool", int: "int", float: "float", type(None): "null"}


class _Dumper(yaml.SafeDumper):
    """Writes every value so that `document.py` reads it back: quotes stand where that would take it for another."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0]:
            return f"tag:yaml.org,2002:{_TAGS[type(resolved(value))]}"
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, "|" if "\n" in value else None)


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(value))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _float)


def source(rule: Any) -> str:
    """The rule file of a rule alone, whatever stands in place of a rule."""
    return yaml.dump({"rules": [rule]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
