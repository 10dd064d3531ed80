"""What is kept of a look at Cal.com's webhooks: enough for a person, and nothing by which anyone could post."""

from __future__ import annotations

import json
from dataclasses import replace

from workers.differences import Change, Difference, Kind, Remote
from workers.drift import differs, shape

THERE = Remote("12", "https://x.example/in/t0ken", True, (), "s3cret", None, None)


def edited(field: str, there: object, wanted: object) -> Change:
    return Change(Kind.EDITED, "org", "acme", remote=THERE, differences=(Difference(field, there, wanted),))


def test_a_difference_is_kept_field_by_field() -> None:
    assert shape(edited("active", False, True)) == {
        "webhook": "org",
        "remote_id": "12",
        "kind": "edited",
        "note": None,
        "fields": [{"field": "active", "there": False, "wanted": True}],
    }


def test_of_a_url_only_where_it_leads_is_kept() -> None:
    there = "https://user:pass@hooks.example:8443/t0ken?key=t0ken#t0ken"
    kept = shape(edited("url", there, "https://daybook.example/in/…ken4"))
    assert kept["fields"] == [
        {"field": "url", "there": "https://hooks.example:8443/…", "wanted": "https://daybook.example/…"}
    ]
    for hidden in ("t0ken", "s3cret", "ken4", "pass"):
        assert hidden not in json.dumps(kept)


def test_what_is_no_url_is_not_kept_at_all() -> None:
    for there in ("https://[t0ken/", "http://x:t0ken/", "t0ken", ""):
        assert "t0ken" not in json.dumps(shape(edited("url", there, "https://daybook.example")))


def test_what_cal_com_says_is_kept_as_a_database_takes_it_and_no_longer_than_people_read() -> None:
    kept = shape(edited("triggers", ["A\0B", "x" * 10_000, *["C"] * 1000], []))
    there = kept["fields"][0]["there"]
    assert there[0] == "A\N{REPLACEMENT CHARACTER}B"
    assert len(json.dumps(there)) < 2000


def test_what_stands_as_wanted_is_no_drift() -> None:
    quiet = Change(Kind.ADOPTED, "org", "acme")
    assert not differs(quiet)
    assert differs(replace(quiet, note="Cal.com has switched it off."))
    seen = {kind for kind in Kind if kind is not Kind.ADOPTED and differs(Change(kind, "org", "acme"))}
    assert seen == {Kind.MISSING, Kind.EDITED, Kind.SWITCHED_OFF, Kind.EXTRA, Kind.BY_HAND}
