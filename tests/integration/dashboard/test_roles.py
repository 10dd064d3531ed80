"""Every page takes its role: made from the table of pages, so that a new one cannot be forgotten."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from ingest.dashboard.page import Page
from ingest.dashboard.routes import PAGES
from tests.integration.dashboard.conftest import Looked
from workers.store.keys import Role

_IDS = [f"{page.method} {page.path}" for page in PAGES]


def _asked(looked: Looked, page: Page, role: Role | None, *, csrf: str | None = "") -> int:
    path = re.sub(r"\{\w+(:\w+)?\}", str(UUID(int=7)), page.path)
    if page.method == "GET":
        return looked.get(path, role=role).status_code
    return looked.post(path, role=role, csrf=csrf).status_code


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_a_page_is_for_its_role_and_those_above_it_alone(page: Page, looked: Looked) -> None:
    for role in Role:
        status = _asked(looked, page, role)
        if role.covers(page.role):
            assert status not in (401, 403)
        else:
            assert status == 403


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_who_is_not_signed_in_is_sent_to_sign_in(page: Page, looked: Looked) -> None:
    path = re.sub(r"\{\w+(:\w+)?\}", str(UUID(int=7)), page.path)
    asked = looked.client.request(page.method, path, follow_redirects=False)
    assert asked.status_code == 303
    assert asked.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("page", [page for page in PAGES if page.method != "GET"] or [None])
def test_a_form_without_its_token_or_from_another_page_changes_nothing(page: Page | None, looked: Looked) -> None:
    if page is None:
        return
    assert _asked(looked, page, Role.ADMIN, csrf=None) == 403
    assert _asked(looked, page, Role.ADMIN, csrf="0" * 64) == 403
