"""The pages of rules: the list, one with its versions, and the switch to dry run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from tests.contract.ledger.conftest import Office, refused
from tests.integration.dashboard.conftest import Looked, words
from workers.rulebook import Rulebook
from workers.store import rules, switches
from workers.store.keys import Role

TEXT = """rules:
  - name: quiet
    description: waits a while
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    undo: {on: [BOOKING_CANCELLED], do: [{wait: 5m}]}
    do:
      - wait: 1h
"""


def keep(looked: Looked, *texts: str, name: str = "quiet", file: str = "rules.yaml") -> list[UUID]:
    """Versions of a rule, the last of them live."""
    with looked.filled.store.write() as sql:
        return [
            rules.keep(sql, name=name, digest=f"{number}" * 64, source=text, file=file, now=datetime.now(UTC))
            for number, text in enumerate(texts)
        ]


def test_the_list_says_of_each_rule_what_it_hears_how_its_runs_stand_and_what_went_wrong_last(
    looked_on_each: Looked, tmp_path: Path
) -> None:
    looked = looked_on_each
    office = Office(looked.filled.store, looked.source.vault, tmp_path)
    office.rules(
        "rules:\n  - name: sends\n    on: [BOOKING_CREATED]\n    once_per: ${{ event.id }}\n    do: [{make: thing}]\n"
    )
    office.world.script = [refused]
    for uid in ("A", "B"):
        office.comes(uid=uid)
    office.work()
    keep(looked, TEXT)
    said = words(looked.get("/rules"))
    assert "sends unreadable" in said  # the web process knows no step called `make`
    assert "1 dead 1 done" in said
    assert "it is not allowed" in said
    assert "quiet waits a while live BOOKING_CREATED none yet never none" in said


def test_a_hundred_rules_are_a_page_and_the_others_the_next(looked: Looked) -> None:
    for number in range(101):
        keep(looked, TEXT, name=f"rule-{number:03}")
    first = looked.get("/rules")
    assert len(first.content) < 100_000
    assert "rule-099" in words(first)
    assert "rule-100" not in words(first)
    assert 'href="/rules?after=rule-099"' in first.text
    second = words(looked.get("/rules", after="rule-099"))
    assert "rule-100" in second
    assert "rule-099" not in second
    assert "No rule comes after this." in words(looked.get("/rules", after="z"))


def test_no_rules_is_no_error(looked: Looked) -> None:
    assert "No rules are live" in words(looked.get("/rules"))


def test_a_rule_whose_file_broke_since_is_kept_and_says_what_is_wrong(looked: Looked) -> None:
    folder = looked.settings.rules
    folder.mkdir()
    (folder / "rules.yaml").write_text(TEXT)
    Rulebook(looked.filled.store, folder, looked.source.rules.kinds).live()
    assert "quiet waits a while live" in words(looked.get("/rules"))
    (folder / "rules.yaml").write_text(TEXT.replace("BOOKING_CREATED", "BOOKING_CREATD"))
    assert "quiet waits a while kept" in words(looked.get("/rules"))
    said = words(looked.get("/rules/quiet"))
    assert 'line 4, there is no trigger "BOOKING_CREATD"' in said


def test_a_rule_is_shown_with_its_text_and_each_version_with_what_it_changed(looked: Looked) -> None:
    first, second = keep(looked, TEXT, TEXT.replace("wait: 1h", "wait: 2h"))
    page = words(looked.get("/rules/quiet"))
    assert "waits a while" in page
    assert "- wait: 2h" in page
    assert "Takes back on BOOKING_CANCELLED" in page
    old = words(looked.get("/rules/quiet", version=str(first)))
    assert "Source of version 000000000000" in old
    assert "- wait: 1h" in old
    changed = looked.get("/rules/quiet", version=str(second)).text
    assert '<span class="del">-      - wait: 1h\n</span>' in changed
    assert '<span class="add">+      - wait: 2h\n</span>' in changed


def test_the_whole_text_of_a_version_is_behind_a_link(looked: Looked) -> None:
    first, _ = keep(looked, TEXT, TEXT.replace("wait: 1h", "wait: 2h"))
    answer = looked.get("/rules/quiet/source", version=str(first))
    assert (answer.text, answer.headers["content-type"]) == (TEXT, "text/plain; charset=utf-8")
    assert "wait: 2h" in looked.get("/rules/quiet/source").text
    assert looked.get("/rules/quiet/source", version="x").status_code == 400
    assert looked.get("/rules/nothing/source").status_code == 404


def test_a_long_text_is_cut_and_the_page_stays_small(looked: Looked) -> None:
    keep(looked, TEXT, TEXT + "#" * 300_000)
    answer = looked.get("/rules/quiet")
    assert "This is its beginning." in words(answer)
    assert len(answer.content) < 100_000


def test_a_name_that_no_rule_can_have_is_not_there(looked_on_each: Looked) -> None:
    for name in ("%00", "%F0%9F%98%80", "x" * 3_000):
        assert looked_on_each.get(f"/rules/{name}").status_code == 404
        assert looked_on_each.post(f"/rules/{name}/dry-run", on="true").status_code == 404
        assert looked_on_each.post(f"/rules/{name}/backtest", since="7d").status_code == 404


def test_a_version_that_is_garbage_or_not_there_is_said(looked: Looked) -> None:
    keep(looked, TEXT)
    answer = looked.get("/rules/quiet", version="garbage")
    assert answer.status_code == 400
    assert "version must be an id" in words(answer)
    assert looked.get("/rules/quiet", version=str(UUID(int=9))).status_code == 404
    assert looked.get("/rules/nothing").status_code == 404


def test_a_rule_that_is_gone_keeps_its_page_without_a_switch(looked: Looked) -> None:
    keep(looked, TEXT)
    with looked.filled.store.write() as sql:
        rules.retire(sql, ["quiet"])
    answer = looked.get("/rules/quiet", role=Role.OPERATOR)
    assert "No file has this rule any more" in words(answer)
    assert "dry-run" not in answer.text


def test_markup_in_name_description_and_text_is_text(looked: Looked) -> None:
    evil = "<script>alert(1)</script>"
    keep(
        looked,
        TEXT.replace("waits a while", f'"{evil}"'),
        TEXT.replace("waits a while", f'"{evil} again"'),
        file=f"{evil}.yaml",
    )
    keep(looked, evil, name=evil)
    with looked.filled.store.write() as sql:
        switches.put(sql, "quiet", dry_run=True, by=evil, now=datetime.now(UTC))
    second = _versions(looked, "quiet")[0].id
    for path in ("/rules", "/rules/quiet", f"/rules/quiet?version={second}"):
        answer = looked.get(path, role=Role.OPERATOR)
        assert "<script>alert" not in answer.text
        assert evil in words(answer)


def _versions(looked: Looked, name: str) -> list[rules.Version]:
    with looked.filled.store.read() as sql:
        return rules.versions(sql, name)


def test_an_operator_switches_a_rule_to_dry_run_and_back_on_its_page(looked_on_each: Looked) -> None:
    looked = looked_on_each
    keep(looked, TEXT)
    assert "Switch to dry run" in words(looked.get("/rules/quiet", role=Role.OPERATOR))
    sent = looked.post("/rules/quiet/dry-run", on="true")
    assert (sent.status_code, sent.headers["location"]) == (303, "/rules/quiet")
    page = words(looked.get("/rules/quiet", role=Role.OPERATOR))
    assert "a operator switched it to dry run" in page
    assert "Switch back to what its file says" in page
    assert "quiet waits a while dry run switched by a operator" in words(looked.get("/rules"))
    looked.post("/rules/quiet/dry-run", on="false")
    page = words(looked.get("/rules/quiet", role=Role.OPERATOR))
    assert "switched it back to what its file says" in page
    with looked.filled.store.read() as sql:
        assert switches.dry(sql) == frozenset()


def test_a_viewer_is_shown_no_switch(looked: Looked) -> None:
    keep(looked, TEXT)
    assert "dry-run" not in looked.get("/rules/quiet").text


def test_a_dry_run_of_the_file_can_be_changed_there_only(looked: Looked) -> None:
    keep(looked, TEXT.replace("once_per", "dry_run: true\n    once_per"))
    answer = looked.get("/rules/quiet", role=Role.OPERATOR)
    assert "That can be changed in the file only." in words(answer)
    assert "/dry-run" not in answer.text


def test_what_says_neither_on_nor_off_switches_nothing(looked: Looked) -> None:
    keep(looked, TEXT)
    assert looked.post("/rules/quiet/dry-run", on="maybe").status_code == 400
    assert looked.post("/rules/nothing/dry-run", on="true").status_code == 404
    with looked.filled.store.read() as sql:
        assert switches.every(sql) == {}
