"""test_rule: what a rule would do with an event. Nothing is done, and nobody is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ingest.brevity import cut, fit
from ingest.mcp.history import asked as values
from ingest.mcp.history import brief, schemas
from ingest.mcp.history.schemas import asks, gives, of, one_of, or_null, some, text
from ingest.mcp.history.tool import Desk, Hide, Tool
from ingest.mcp.toolset import Offer
from ingest.samples import TRIGGERS_WITH_SAMPLES, sample
from ingest.seats import Seats
from ingest.trials import verdict
from workers import rehearse
from workers.catalogue.mask import mask
from workers.errors import BadInput, NotFound
from workers.rules import allowance
from workers.rules.load import Fault, read_text
from workers.rules.rule import Rule
from workers.store import history, rules
from workers.store.events import whole

#: characters of a rule file, bytes of a step's values, faults that are told
_LONGEST, _ROOM, _FAULTS = 50_000, 2_000, 8
#: bytes of a payload that is looked through for people
_PEOPLE = 50_000
#: trials of this process: each may take a processor for seconds, and others wait in threads that all tools share
_SEATS = Seats(2, bench=4, patience=5.0)


def _test(desk: Desk, asked: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    with _SEATS.one(), allowance.for_all(allowance.TRIAL):
        return _tested(desk, asked, hide)


def _tested(desk: Desk, asked: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    rule = _rule(desk, asked)
    now = datetime.now(UTC)
    event = _event(desk, asked, rule, now)
    # What is hidden from whoever reads is hidden from their rule too: it could show it, or tell it bit by bit.
    event = {**event, "payload": mask(event["payload"])}
    hide({**event, "payload": fit(event["payload"], _PEOPLE)})  # keys and reasons may name whoever it is about
    store = desk.store if "event" in asked else None
    outputs = asked.get("outputs")
    told = rehearse.shape(rehearse.rehearse(rule, event, desk.kinds, now=now, outputs=outputs, store=store))
    steps = [_step(step) for step in told["steps"]] if told["matches"] else []
    kept = brief.within(steps, {})
    return {
        "summary": verdict(told),
        **{name: told[name] for name in _KEPT},
        "on": "a stored event" if store is not None else "a sample",
        "parts": [{**part, "why": cut(part["why"], brief.REASON)} for part in told["parts"]],
        "steps": steps[:kept],
        **({"steps_left_out": len(steps) - kept} if len(steps) > kept else {}),
    }


_KEPT = ("rule", "version", "dry_run", "trigger", "act", "matches", "acts", "skipped", "once", "entity", "before",
         "takes_back")  # fmt: skip


def _step(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **told,
        "why": cut(told["why"], brief.REASON),
        "request": fit(told["request"], _ROOM),
        "problems": [cut(each, brief.REASON) for each in told["problems"][:_FAULTS]],
    }


def _rule(desk: Desk, asked: Mapping[str, Any]) -> Rule:
    name = asked.get("name")
    if "rule" in asked:
        found, faults = read_text(asked["rule"], "rule", desk.kinds)
        if faults:
            raise BadInput(f"rule: {_faults(faults)}")
        names = ", ".join(rule.name for rule in found)
        chosen = [rule for rule in found if name in (None, rule.name)]
        if len(chosen) == 1:
            return chosen[0]
        if not found:
            raise BadInput("rule: holds no rule; write a rule file, `rules:` and a list.")
        raise BadInput(f"name: must be one of those in `rule`: {names}.")
    if name is None:
        raise BadInput("rule: missing; give the text of a rule file, or the `name` of a live rule.")
    with desk.store.read() as sql:
        live = rules.live(sql)
        version = next((one for one in live if one.name == name), None)
        if version is None:
            there = ", ".join(one.name for one in live[:20]) or "none"
            raise NotFound(f"no live rule has this name; there are: {there}.")
        rule = desk.rule(sql, version)
        if rule is None:
            raise NotFound("the text of this rule can no longer be read; mend its file.")
        return rule


def _faults(faults: Sequence[Fault]) -> str:
    said = "; ".join(f"line {fault.line}, column {fault.column}: {fault.message}" for fault in faults[:_FAULTS])
    return f"{said}{f'; and {len(faults) - _FAULTS} more' if len(faults) > _FAULTS else ''}."


def _event(desk: Desk, asked: Mapping[str, Any], rule: Rule, now: datetime) -> dict[str, Any]:
    if ("event" in asked) == ("trigger" in asked):
        raise BadInput("event: give either the id of a stored event, or the `trigger` of a sample, and not both.")
    if "trigger" in asked:
        pcid = asked.get("connection") or rule.connection
        return rehearse.event_of(sample(asked["trigger"], now=now), pcid=pcid, now=now)
    with desk.store.read() as sql:
        row = history.one(sql, values.id_of(sql, asked, "event"))
        if row is None:
            raise NotFound("there is no event with this id; search_events finds those there are.")
        return whole(sql, row)


_EXAMPLE = """rules:
  - name: thank-you
    on: [BOOKING_CREATED]
    when: event.type == "intro-call"
    once_per: ${{ event.booking.uid }}
    do:
      - http: https://hooks.acme.com/thanks
"""
_RUN = {
    **of({"run_id": schemas.ID, "state": schemas.TEXT}),
    "type": ["object", "null"],
}
TEST = Tool(
    Offer(
        name="test_rule",
        title="Test a rule",
        description="What a rule would do with one event: which parts hold and why, and each step's values. Nothing is "
        "done, nobody is called, look-ups are not asked either. The rule is the text of a rule file (docs/rules.md) or "
        "a live one by name; the event is a stored one by id, or a sample of a trigger. Secrets in the payload are "
        "hidden from the rule too.",
        input_schema=asks(
            {
                "rule": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": _LONGEST,
                    "description": "The YAML text of a rule file. Leave it out to test a live rule by `name`.",
                    "examples": [_EXAMPLE],
                },
                "name": text("A live rule; or which one of `rule`, where that has several."),
                "event": schemas.EVENT,
                "trigger": one_of("Instead of an event: a sample of this trigger.", TRIGGERS_WITH_SAMPLES),
                "connection": text("The connection (PCID) that the sample is taken to be of."),
                "outputs": {
                    "type": "object",
                    "maxProperties": 50,
                    "description": "What steps are taken to have given to later ones, by step id.",
                    "examples": [{"absences": {"items": []}}],
                },
                "mask": schemas.MASK,
            }
        ),
        output_schema=gives(
            {
                "summary": schemas.TEXT,
                "rule": schemas.TEXT,
                "version": schemas.TEXT,
                "dry_run": schemas.YES,
                "trigger": schemas.WORDS,
                "act": or_null({"type": "string"}),
                "matches": schemas.YES,
                "acts": {**schemas.YES, "description": "whether there would be a run that goes through the steps"},
                "skipped": schemas.WORDS,
                "once": {**schemas.WORDS, "description": "the key: one run for each"},
                "entity": {**schemas.TEXT, "description": "what runs keep their order for"},
                "before": {**_RUN, "description": "the run that has the key already, so that there would be none"},
                "takes_back": {**_RUN, "description": "the run that an undo takes back"},
                "on": schemas.TEXT,
                "parts": some(of({"part": schemas.TEXT, "holds": schemas.YES, "why": schemas.TEXT})),
                "steps": some(
                    of(
                        {
                            "id": schemas.TEXT,
                            "kind": schemas.TEXT,
                            "connection": schemas.WORDS,
                            "runs": {**or_null(schemas.YES), "description": "null: what earlier steps give decides"},
                            "why": schemas.WORDS,
                            "request": schemas.ANY,
                            "problems": some(schemas.TEXT),
                        }
                    )
                ),
                "steps_left_out": schemas.COUNT,
            },
            "steps_left_out",
        ),
    ),
    _test,
    long=("rule", "outputs"),
)
