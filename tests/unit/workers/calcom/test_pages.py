"""Lists in pages: walked to the end, whatever the other side does."""

from __future__ import annotations

from typing import Any

import pytest

from workers.calcom import pages
from workers.calcom.pages import TAKE, walk
from workers.calcom.requests import Reply
from workers.calcom.tools import find
from workers.errors import Rejected

MEMBERSHIPS = find("cal_organizations_memberships_controller_get_all_memberships")
MANAGED = find("cal_organizations_controller_get_organizations")
OPTIONS = find("cal_organizations_attributes_options_controller_get_organization_attribute_options")


def walked(
    answers: list[Any], tool: Any = MEMBERSHIPS, *, whole: bool = False, **given: Any
) -> tuple[list[dict[str, Any]], Reply]:
    """What was asked, and the reply to all, when each call is answered with the next JSON."""
    asked = []
    steps = walk(tool, {"orgId": 1, **given}, dict, whole=whole)
    step = next(steps)
    try:
        for answer in answers:
            asked.append(step)
            step = steps.send(Reply(answer))
    except StopIteration as end:
        reply: Reply = end.value
        return asked, reply
    raise AssertionError("it wants more pages than there are")


def rows(first: int, count: int) -> list[dict[str, int]]:
    """That many rows with ids from `first`."""
    return [{"id": number} for number in range(first, first + count)]


def test_a_list_is_read_to_its_short_page() -> None:
    asked, reply = walked([{"data": rows(0, TAKE), "x": 1}, {"data": rows(TAKE, 3)}])

    assert [(page["take"], page["skip"]) for page in asked] == [(250, 0), (250, 250)]
    assert reply.data == rows(0, TAKE + 3)
    assert reply.json["x"] == 1


def test_a_single_page_is_passed_on_as_it_came() -> None:
    page = {"data": rows(0, 1), "pagination": {"itemsPerPage": 250}}

    assert walked([page], tool=MANAGED)[1].json is page


def test_rows_that_come_twice_are_there_once() -> None:
    asked, reply = walked([{"data": rows(0, TAKE)}, {"data": rows(TAKE - 10, 20)}])

    assert len(asked) == 2
    assert reply.data == rows(0, TAKE + 10)


def test_a_server_that_ignores_skip_is_asked_twice_and_no_more() -> None:
    asked, reply = walked([{"data": rows(0, TAKE)}, {"data": rows(0, TAKE)}])

    assert len(asked) == 2
    assert len(reply.data) == TAKE


def test_equal_rows_without_an_id_are_one() -> None:
    _asked, reply = walked([{"data": [{"a": 1}, {"a": 1}, "x", 5, None]}])

    assert reply.data == [{"a": 1}, "x", 5, None]


@pytest.mark.parametrize("data", [{"id": 1}, "text", None, 5])
def test_data_that_is_no_list_is_passed_on(data: Any) -> None:
    asked, reply = walked([{"data": data}])

    assert len(asked) == 1
    assert reply.data == data


def test_a_list_that_stops_being_one_keeps_what_came() -> None:
    _asked, reply = walked([{"data": rows(0, TAKE)}, {"data": {}}])

    assert reply.data == rows(0, TAKE)


def test_a_page_that_was_asked_for_is_the_only_one() -> None:
    asked, reply = walked([{"data": rows(0, TAKE)}], take=TAKE)

    assert asked == [{"orgId": 1, "take": TAKE}]
    assert len(reply.data) == TAKE
    assert walked([{"data": []}], skip=5)[0] == [{"orgId": 1, "skip": 5}]


def test_a_list_without_pages_is_one_call() -> None:
    asked, _reply = walked([{"data": rows(0, TAKE)}], tool=OPTIONS, attributeId="a")

    assert asked == [{"orgId": 1, "attributeId": "a"}]


def test_managed_organizations_are_counted_honestly() -> None:
    def page(data: list[Any], more: bool) -> dict[str, Any]:
        return {"data": data, "pagination": {"totalItems": 130, "hasNextPage": more, "itemsPerPage": 250, "new": 1}}

    asked, reply = walked([page(rows(0, 100), True), page(rows(100, 25), False)], tool=MANAGED)

    assert [call["skip"] for call in asked] == [0, 100]
    assert reply.pagination == {
        "totalItems": 130,
        "returnedItems": 125,
        "remainingItems": 5,
        "itemsPerPage": 125,
        "currentPage": 1,
        "totalPages": 1,
        "hasNextPage": False,
        "hasPreviousPage": False,
        "new": 1,
    }


def test_a_list_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_PAGES", 3)
    steps = walk(MEMBERSHIPS, {"orgId": 1}, dict)
    next(steps)
    steps.send(Reply({"data": rows(0, TAKE)}))
    steps.send(Reply({"data": rows(TAKE, TAKE)}))

    with pytest.raises(Rejected, match="more than 750 rows"):
        steps.send(Reply({"data": rows(2 * TAKE, TAKE)}))


@pytest.mark.parametrize("count", [0, 1, TAKE - 1, TAKE + 1, 3 * TAKE - 1])
def test_a_server_that_reads_lists_to_their_end_is_asked_once_and_as_it_was_called(count: int) -> None:
    asked, reply = walked([{"data": rows(0, count)}], whole=True)

    assert asked == [{"orgId": 1}]
    assert reply.data == rows(0, count)


def test_where_it_answers_full_pages_only_more_is_asked_for_as_it_may_be_a_first_page() -> None:
    pages_of_it = [{"data": rows(0, TAKE)}, {"data": rows(TAKE, TAKE)}, {"data": rows(2 * TAKE, 3)}]

    asked, reply = walked(pages_of_it, whole=True)

    assert asked == [{"orgId": 1}, {"orgId": 1, "take": 250, "skip": 250}, {"orgId": 1, "take": 250, "skip": 500}]
    assert reply.data == rows(0, 2 * TAKE + 3)


def test_where_it_read_all_and_they_fill_pages_nothing_new_comes() -> None:
    asked, reply = walked([{"data": rows(0, 2 * TAKE)}, {"data": []}], whole=True)

    assert asked[1:] == [{"orgId": 1, "take": 250, "skip": 500}]
    assert reply.data == rows(0, 2 * TAKE)
