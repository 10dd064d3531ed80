"""The API's answers about rules: those that are live, and every version there was."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.integration.api.conftest import Asked, conforms
from workers.store import rules

TEXT = """
rules:
  - name: quiet
    description: waits a while
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    undo: {on: [BOOKING_CANCELLED], do: [{wait: 5m}]}
    do:
      - wait: 1h
"""


def keep(asked: Asked, *texts: str, name: str = "quiet") -> None:
    with asked.filled.store.write() as sql:
        for number, text in enumerate(texts):
            rules.keep(sql, name=name, digest=f"{number}" * 64, source=text, file="rules.yaml", now=datetime.now(UTC))


def test_rules_that_are_live_are_listed_by_name(asked: Asked) -> None:
    keep(asked, TEXT)
    keep(asked, "rules: [{name: broken}]", name="broken")
    told = asked.get("/rules").json()
    conforms(told, "RuleList")
    broken, quiet = told["data"]
    assert (broken["name"], broken["state"]) == ("broken", "unreadable")
    assert (quiet["description"], quiet["on"], quiet["undo_on"]) == (
        "waits a while",
        ["BOOKING_CREATED"],
        ["BOOKING_CANCELLED"],
    )
    assert (quiet["state"], quiet["runs"], quiet["last_run"]) == ("live", {}, None)


def test_a_rule_is_told_with_its_text_and_every_version_there_was(asked: Asked) -> None:
    keep(asked, TEXT, TEXT.replace("1h", "2h"))
    told = asked.get("/rules/quiet").json()
    conforms(told, "RuleWithVersions")
    assert "wait: 2h" in told["source"]
    assert [(one["digest"][0], one["live"]) for one in told["versions"]] == [("1", True), ("0", False)]
    assert told["live"]["version"] == "1" * 64


def test_a_rule_that_is_no_longer_there_has_its_versions_left(asked: Asked) -> None:
    keep(asked, TEXT)
    with asked.filled.store.write() as sql:
        rules.retire(sql, ["quiet"])
    assert asked.get("/rules").json() == {"data": []}
    told = asked.get("/rules/quiet").json()
    conforms(told, "RuleWithVersions")
    assert (told["live"], told["source"], len(told["versions"])) == (None, None, 1)


def test_a_rule_that_never_was_is_a_problem_404(asked: Asked) -> None:
    answer = asked.get("/rules/nothing")
    assert answer.status_code == 404
    conforms(answer.json(), "Problem")


def test_an_operator_switches_a_rule_to_dry_run_and_back(asked_on_each: Asked) -> None:
    asked = asked_on_each
    keep(asked, TEXT)
    told = asked.post("/rules/quiet/dry-run", on="true").json()
    conforms(told, "RuleWithVersions")
    assert (told["live"]["state"], told["live"]["dry_run"]) == ("dry run", False)
    assert (told["live"]["switch"]["dry_run"], told["live"]["switch"]["set_by"]) == (True, "operator")
    assert asked.get("/rules").json()["data"][0]["state"] == "dry run"
    told = asked.post("/rules/quiet/dry-run", on="false").json()
    assert (told["live"]["state"], told["live"]["switch"]["dry_run"]) == ("live", False)


def test_what_its_file_has_as_a_dry_run_stays_one_however_it_is_switched(asked: Asked) -> None:
    keep(asked, TEXT.replace("once_per", "dry_run: true\n    once_per"))
    told = asked.post("/rules/quiet/dry-run", on="false").json()
    assert (told["live"]["state"], told["live"]["dry_run"]) == ("dry run", True)


def test_a_rule_that_never_was_cannot_be_switched(asked: Asked) -> None:
    assert asked.post("/rules/nothing/dry-run", on="true").status_code == 404
    assert asked.post("/rules/nothing/dry-run").status_code == 400
