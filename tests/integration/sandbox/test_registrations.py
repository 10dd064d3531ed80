"""Webhooks, managed organizations and delegation credentials."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

URL = "http://127.0.0.1:9/hook"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
GOOGLE = {"private_key": "k", "client_email": "a@b.example", "client_id": "1"}
MICROSOFT = {"private_key": "k", "tenant_id": "t", "client_id": "1", "extra": True}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_webhook_reads_back_with_its_secret_in_clear_and_without_its_version(api: Any) -> None:
    made = api.webhook(URL, "BOOKING_CREATED", version="2026-07-27")

    assert str(UUID(made["id"])) == made["id"]
    assert api.done("GET", f"/webhooks/{made['id']}") == made
    assert made["secret"] == "whsec_test"
    assert "version" not in made


def test_a_second_webhook_for_one_url_is_409_but_a_patch_to_it_is_not(api: Any) -> None:
    api.webhook(URL, "BOOKING_CREATED")
    other = api.webhook(f"{URL}/", "BOOKING_CREATED")

    again = api("POST", "/webhooks", {"active": True, "subscriberUrl": URL, "triggers": []})

    assert code(again) == (409, "ConflictException")
    assert api.done("PATCH", f"/webhooks/{other['id']}", {"subscriberUrl": URL})["subscriberUrl"] == URL


def test_an_unknown_webhook_is_403_a_deleted_one_too(api: Any) -> None:
    made = api.webhook(URL, "BOOKING_CREATED")

    assert api.done("DELETE", f"/webhooks/{made['id']}") == made
    for method in ("GET", "PATCH", "DELETE"):
        assert api(method, f"/webhooks/{made['id']}", {}).status_code == 403


@pytest.mark.parametrize("trigger", ["BOOKING_CONFIRMED", "BOOKING_COMPLETED", "BOOKING_NO_SHOW", "PING", ""])
def test_triggers_of_the_documents_example_are_refused(api: Any, trigger: str) -> None:
    body = {"active": True, "subscriberUrl": URL, "triggers": ["BOOKING_CREATED", trigger]}

    answer = api("POST", "/webhooks", body)

    assert answer.status_code == 400
    assert "isEnum" in answer.text


@pytest.mark.parametrize("url", ["ftp://example.com/", "hook", "http://169.254.169.254/latest", "http://[::1"])
def test_some_urls_are_not_allowed(api: Any, url: str) -> None:
    for method, path in (
        ("POST", "/webhooks"),
        ("PATCH", f"/webhooks/{api.webhook(URL + url, 'OOO_CREATED')['id']}"),
    ):
        answer = api(method, path, {"active": True, "subscriberUrl": url, "triggers": []})

        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("Webhook URL is not allowed: ")


def test_both_key_options_are_refused_after_the_organization_was_made(api: Any) -> None:
    body = {"name": "Acme Labs", "apiKeyDaysValid": 3, "apiKeyNeverExpires": True}

    assert code(api("POST", "/organizations", body)) == (400, "BadRequestException")

    (made,) = api.done("GET", "/organizations")
    assert made["slug"] == "acme-labs"
    assert code(api("POST", "/organizations", {"name": "Acme  Labs!"})) == (409, "ConflictException")


def test_the_key_of_a_managed_organization_is_shown_once(api: Any) -> None:
    made = api.done("POST", "/organizations", {"name": "Acme"})

    assert made.pop("apiKey").startswith("cal_")
    assert api.done("GET", f"/organizations/{made['id']}") == made
    assert "metadata" not in made


def test_managed_organizations_are_counted_and_paged(api: Any) -> None:
    for name in "ABCDE":
        api.done("POST", "/organizations", {"name": name})

    answer = api("GET", "/organizations?take=2&skip=2").json()

    assert [organization["name"] for organization in answer["data"]] == ["C", "D"]
    assert answer["pagination"] == {
        "returnedItems": 2,
        "totalItems": 5,
        "itemsPerPage": 2,
        "remainingItems": 1,
        "currentPage": 2,
        "totalPages": 3,
        "hasNextPage": True,
        "hasPreviousPage": True,
    }


def test_a_metadata_filter_compares_texts_and_half_of_it_is_ignored(api: Any) -> None:
    for name, metadata in (("A", {"tier": "1"}), ("B", {"tier": 1})):
        api.done("POST", "/organizations", {"name": name, "metadata": metadata})

    def found(query: str) -> str:
        return "".join(organization["name"] for organization in api.done("GET", f"/organizations?{query}"))

    assert found("metadataKey=tier&metadataValue=1") == "A"
    assert found("metadataKey=tier") == found("metadataValue=1") == "AB"
    assert found("slug=b") == "B"


def test_a_managed_organization_that_is_gone_is_403(api: Any) -> None:
    made = api.done("POST", "/organizations", {"name": "Acme"})["id"]
    renamed = api.done("PATCH", f"/organizations/{made}", {"name": "Acme 2", "slug": "ignored"})
    assert (renamed["name"], renamed["slug"]) == ("Acme 2", "acme")

    api.done("DELETE", f"/organizations/{made}")

    for method in ("GET", "PATCH", "DELETE"):
        assert code(api(method, f"/organizations/{made}", {})) == (403, "ForbiddenException")


def credential(api: Any, **more: Any) -> Any:
    body = {"workspacePlatformSlug": "google", "domain": "one.example", "serviceAccountKey": GOOGLE}
    return api("POST", "/delegation-credentials", body | more)


def test_a_domain_twice_is_a_generic_400(api: Any) -> None:
    made = credential(api).json()["data"]

    assert made["enabled"] is False
    assert "private_key" not in json.dumps(made)
    assert code(credential(api)) == (400, "TRPCError")
    assert code(credential(api, domain="two.example", workspacePlatformSlug="microsoft")) == (404, "TRPCError")


def test_the_account_key_is_one_object_and_not_the_documented_array(api: Any) -> None:
    assert credential(api, serviceAccountKey=MICROSOFT, workspacePlatformSlug="office365").status_code == 201
    for bad in ([GOOGLE], {"client_email": "a"}, GOOGLE | {"private_key": ""}, "key"):
        assert code(credential(api, serviceAccountKey=bad)) == (400, "BadRequestException")


def test_a_new_key_switches_the_credential_off_and_enabling_asks_the_workspace(api: Any) -> None:
    good, bad = (credential(api, domain=d).json()["data"]["id"] for d in ("one.example", "two.invalid"))
    path = f"/delegation-credentials/{good}"

    assert api.done("PATCH", path, {"enabled": True})["enabled"] is True
    assert api.done("PATCH", path, {"serviceAccountKey": GOOGLE})["enabled"] is False
    refused = api("PATCH", f"/delegation-credentials/{bad}", {"enabled": True})
    assert (refused.status_code, refused.json()["statusCode"]) == (500, 500)
    assert code(api("PATCH", f"/delegation-credentials/{UNKNOWN}", {})) == (404, "NotFoundException")
