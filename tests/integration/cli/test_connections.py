"""`daybook connections`, `tools`, `trigger` and `doctor` against the sandbox."""

from __future__ import annotations

import json
import os

import pytest

from tests.integration.registration.conftest import Daybook, Sandbox, daybook, running_sandbox, sandbox

__all__ = ["daybook", "running_sandbox", "sandbox"]  # fixtures
USERS = "cal_organizations_users_controller_get_organizations_users"
WEBHOOKS = "cal_organizations_webhooks_controller_get_all_organization_webhooks"
CREATE_ATTRIBUTE = "cal_organizations_attributes_controller_create_organization_attribute"
DELETE_WEBHOOK = "cal_organizations_webhooks_controller_delete_webhook"
DELETE_ATTRIBUTE = "cal_organizations_attributes_controller_delete_organization_attribute"


def test_a_connection_is_listed_without_its_credential(daybook: Daybook, sandbox: Sandbox) -> None:
    done = daybook.run("connections", "list", "--json")

    row = json.loads(done.stdout)
    assert (row["pcid"], row["base_url"], row["org_id"]) == ("acme", sandbox.base_url, 4821)
    assert row["per_minute"] == 90
    assert "cal_sandbox_owner" not in done.stdout + daybook.run("connections", "list").stdout


def test_a_connection_is_not_overwritten_by_accident(daybook: Daybook) -> None:
    again = ["connections", "add", "acme", "--org-id", "7", "--api-key", "cal_other"]

    assert daybook.error(*again)["kind"] == "conflict"
    assert daybook.json("connections", "list")[0]["org_id"] == 4821
    assert daybook.json(*again, "--replace")[0]["org_id"] == 7


def test_a_key_may_come_from_a_file(daybook: Daybook, sandbox: Sandbox) -> None:
    (daybook.folder / "key").write_text("cal_sandbox_owner\n")

    daybook.run(
        "connections", "add", "filed", "--base-url", sandbox.base_url, "--org-id", "4821", "--api-key-file", "key"
    )

    assert daybook.json("connections", "test", "filed")[0]["ok"] is True


def test_platform_credentials_work_too(daybook: Daybook, sandbox: Sandbox) -> None:
    daybook.run(
        "connections", "add", "platform", "--base-url", sandbox.base_url, "--org-id", "4821",
        "--client-id", "sandbox-client", "--client-secret", "sandbox-client-secret",
    )  # fmt: skip

    assert daybook.json("connections", "test", "platform")[0]["ok"] is True


@pytest.mark.parametrize(
    "words",
    [
        ["--api-key", "cal_x", "--client-id", "c"],
        ["--client-id", "c"],
        [],
        ["--api-key", "a b"],
        ["--api-key", "cal_x", "--base-url", "ftp://cal"],
        ["--api-key", "cal_x", "--kind", "mpc"],
        ["--api-key", "cal_x", "--api-key-file", "key"],
        ["--api-key-file", "no such file"],
    ],
)
def test_a_wrong_connection_is_refused(daybook: Daybook, words: list[str]) -> None:
    assert daybook.error("connections", "add", "new", "--org-id", "1", *words)["kind"] == "bad_input"


REMOTE = ["--kind", "mcp", "--base-url", "https://tools.example.com"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "mcp", "--token", "t"], "--base-url is needed for --kind mcp"),
        ([*REMOTE], "Give one of --token, --token-file, --token-from and --token-command"),
        ([*REMOTE, "--token", "t", "--token-command", "vault read"], "Give one of"),
        ([*REMOTE, "--token", "t", "--token-file", "key"], "keep one"),
        ([*REMOTE, "--token", "a b"], "holds a space"),
        ([*REMOTE, "--token-file", "no such file"], "cannot be read"),
        ([*REMOTE, "--token-from", "no such file"], "--token-from: no such file cannot be read"),
        ([*REMOTE, "--token-from", "-"], "--token-file - reads stdin once"),
        ([*REMOTE, "--token-command", "vault 'read"], "cannot be split"),
        ([*REMOTE, "--token-command", " "], "is empty"),
        ([*REMOTE, "--token", "t", "--remote-pcid", ""], "--remote-pcid is empty"),
        ([*REMOTE, "--token", "t", "--api-key", "cal_x"], "--api-key: for --kind calcom; with --kind mcp give one of"),
        (["--api-key", "cal_x", "--token", "t", "--remote-pcid", "p"], "--remote-pcid, --token: for --kind mcp"),
        (["--kind", "mcp", "--base-url", "ftp://tools", "--token", "t"], "such as https://tools.example.com"),
    ],
)
def test_a_connection_of_the_wrong_kind_or_with_the_wrong_token_says_what_to_give(
    daybook: Daybook, words: list[str], said: str
) -> None:
    error = daybook.error("connections", "add", "new", "--org-id", "1", *words)

    assert error["kind"] == "bad_input"
    assert said in error["message"]


def test_a_connection_of_kind_mcp_is_kept_and_shows_no_token(daybook: Daybook) -> None:
    added = daybook.run(
        "connections", "add", "far", *REMOTE, "--org-id", "7", "--token-command", "vault read hush", "--json"
    )
    kept = {row["pcid"]: row for row in daybook.json("connections", "list")}["far"]
    (tested,) = daybook.json("connections", "test", "far", status=1)

    assert json.loads(added.stdout) == kept
    assert (kept["kind"], kept["base_url"]) == ("mcp", "https://tools.example.com")
    assert tested["kind"] == "calcom_unavailable"
    assert "the command vault cannot be run" in tested["detail"]
    assert "hush" not in json.dumps([kept, tested]) + added.stderr


def test_a_connection_may_change_its_kind(daybook: Daybook) -> None:
    words = ["connections", "add", "acme", "--replace", "--org-id", "4821"]

    daybook.run(*words, *REMOTE, "--token", "t")
    assert daybook.json("connections", "list")[0]["kind"] == "mcp"
    daybook.run(*words, "--base-url", daybook.sandbox.base_url, "--api-key", "cal_sandbox_owner")

    assert daybook.json("connections", "test")[0]["ok"] is True


def test_a_test_says_what_calcom_said(daybook: Daybook) -> None:
    assert daybook.json("connections", "test")[0]["webhooks"] == 0
    daybook.connect("cal_wrong")

    (said,) = daybook.json("connections", "test", "acme", status=1)

    assert (said["ok"], said["kind"], said["status"]) == (False, "unauthorized", 401)


def test_a_tool_is_called_and_the_reply_is_printed_whole(daybook: Daybook) -> None:
    (reply,) = daybook.json("tools", "call", USERS, "--PCID", "acme", "--json-args", '{"take": 2}')
    (same,) = daybook.json("tools", "call", USERS, "--arg", "take=2")

    assert reply["status"] == "success"
    assert [user["id"] for user in reply["data"]] == [user["id"] for user in same["data"]]
    assert len(reply["data"]) == 2


def test_for_people_a_reply_is_in_its_own_script_and_its_secrets_are_hidden(daybook: Daybook) -> None:
    daybook.want("webhooks: [{name: org, connection: acme}]")
    daybook.run("webhooks", "apply")
    (whole,) = daybook.json("tools", "call", WEBHOOKS)
    secret = whole["data"][0]["secret"]
    words = ["--arg", "name=Région", "--arg", "slug=region", "--arg", "type=TEXT", "--arg", "options=[]"]

    hidden = daybook.run("tools", "call", WEBHOOKS)
    made = daybook.run("tools", "call", CREATE_ATTRIBUTE, *words)

    assert secret
    assert secret not in hidden.stdout + hidden.stderr
    assert json.loads(hidden.stdout)["data"][0]["id"] == whole["data"][0]["id"]
    assert "--json shows them" in hidden.stderr
    assert '"name": "Région"' in made.stdout
    assert "hidden" not in made.stderr


def test_a_tool_that_takes_away_does_not_ask_where_nobody_could_answer(daybook: Daybook) -> None:
    words = ["--arg", "name=Region", "--arg", "slug=region", "--arg", "type=TEXT", "--arg", "options=[]"]
    (made,) = daybook.json("tools", "call", CREATE_ATTRIBUTE, *words)

    (gone,) = daybook.json("tools", "call", DELETE_ATTRIBUTE, "--arg", f"attributeId={made['data']['id']}")

    assert gone["data"]["id"] == made["data"]["id"]


@pytest.mark.parametrize(("answer", "words", "left"), [("n", [], 1), ("y", [], 0), ("n", ["--yes"], 0)])
def test_on_a_terminal_a_person_is_asked_before_something_is_taken_away_unless_they_said_yes(
    daybook: Daybook, sandbox: Sandbox, answer: str, words: list[str], left: int
) -> None:
    daybook.want("webhooks: [{name: org, connection: acme}]")
    daybook.run("webhooks", "apply")
    (webhook,) = sandbox.webhooks()
    ours, theirs = os.openpty()
    os.write(ours, f"{answer}\n".encode())

    with os.fdopen(theirs) as terminal:
        call = ["tools", "call", DELETE_WEBHOOK, "--arg", f"webhookId={webhook['id']}", *words]
        done = daybook.run(*call, status=left, stdin=terminal)
    os.close(ours)

    assert ("Delete a webhook" in done.stderr and webhook["id"] in done.stderr) is not bool(words)
    assert ("Nothing was changed." in done.stderr) is bool(left)
    assert len(sandbox.webhooks()) == left


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ([f"{USERS}s"], "not_found", USERS),
        ([USERS, "--PCID", "acne"], "not_found", "there are: acme"),
        ([USERS, "--arg", "tke=1"], "bad_arguments", "did you mean take?"),
        ([USERS, "--arg", "take"], "bad_arguments", "KEY=VALUE"),
        ([USERS, "--arg", "take=0"], "bad_arguments", "from 1 to 1000"),
        ([USERS, "--json-args", "{"], "bad_arguments", "not JSON"),
        ([USERS, "--json-args", "[1]"], "bad_arguments", "one JSON object"),
        ([USERS, "--json-args", '{"take": 1}', "--arg", "take=2"], "bad_arguments", "given twice"),
    ],
)
def test_a_wrong_call_is_one_json_object_on_stderr(daybook: Daybook, words: list[str], kind: str, said: str) -> None:
    error = daybook.error("tools", "call", *words)

    assert (error["kind"], error["status"]) == (kind, None)
    assert said in error["message"]


def test_an_error_of_calcom_has_its_status(daybook: Daybook) -> None:
    daybook.connect("cal_sandbox_member")

    error = daybook.error("tools", "call", USERS, "--PCID", "acme", "--json-args", "{}")

    assert (error["kind"], error["status"]) == ("forbidden", 403)


def test_without_a_pcid_the_connection_has_to_be_the_only_one(daybook: Daybook) -> None:
    daybook.run("connections", "add", "other", "--org-id", "1", "--api-key", "cal_x")

    assert "acme, other" in daybook.error("tools", "call", USERS)["message"]


def test_all_tools_are_listed_and_described(daybook: Daybook) -> None:
    listed = daybook.json("tools", "list")
    (described,) = daybook.json("tools", "describe", USERS)

    assert len(listed) == 37
    assert described["input_schema"]["required"] == ["orgId"]
    assert "emails" in daybook.run("tools", "describe", USERS).stdout


def test_a_triggered_sample_becomes_an_event(daybook: Daybook) -> None:
    daybook.run("webhooks", "adopt", "sales", "--connection", "acme", "--secret", "typed by hand")

    with daybook.running("up"):
        found = daybook.json("trigger", "BOOKING_CREATED", "--count", "2", "--wait", "60")
        refused = daybook.json(
            "trigger", "BOOKING_CREATED", "--webhook", "sales", "--secret", "another", "--wait", "0", status=1
        )
        healthy = {one["check"]: one["state"] for one in daybook.json("doctor")}

    assert [one["status"] for one in found] == [202, 202]
    assert [one["event"]["trigger"] for one in found] == ["BOOKING_CREATED"] * 2
    assert found[0]["event"]["booking"]["uid"] != found[1]["event"]["booking"]["uid"]
    assert [one["status"] for one in refused] == [401]
    assert {name for name, state in healthy.items() if state == "fail"} == set()
    assert healthy["broker keeps"] == healthy["public answer"] == healthy["connection acme"] == "ok"


def test_a_sample_nobody_takes_says_so(daybook: Daybook) -> None:
    daybook.run("webhooks", "adopt", "sales", "--connection", "acme", "--secret", "typed by hand")

    assert daybook.error("trigger", "BOOKING_CREATED")["kind"] == "not_delivered"
    assert "did you mean BOOKING_CREATED?" in daybook.error("trigger", "booking_create")["message"]
    assert daybook.error("trigger", "BOOKING_CREATED", "--version", "1")["kind"] == "bad_input"
    assert daybook.error("trigger", "BOOKING_CREATED", "--webhook", "nobody")["kind"] == "not_found"
    assert daybook.error("trigger", "BOOKING_CREATED", "--secret", "s")["kind"] == "bad_input"


@pytest.mark.parametrize(
    ("key", "org_id", "said"),
    [
        ("cal_wrong", 4821, "refuses the key"),
        ("cal_sandbox_member", 4821, "role is too low"),
        ("cal_sandbox_owner", 999, "999 is not an organization"),
    ],
)
def test_the_doctor_tells_a_wrong_key_from_a_low_role_and_a_wrong_id(
    daybook: Daybook, key: str, org_id: int, said: str
) -> None:
    daybook.connect(key, org_id=org_id)

    verdicts = {one["check"]: one for one in daybook.json("doctor", status=1)}

    assert verdicts["connection acme"]["state"] == "fail"
    assert said in verdicts["connection acme"]["detail"]
    assert verdicts["connection acme"]["remedy"]
    assert verdicts["broker"]["state"] == verdicts["public answer"]["state"] == "fail"
    assert verdicts["database"]["state"] == verdicts["migrations"]["state"] == "ok"


def test_a_lost_key_is_seen_and_not_replaced(daybook: Daybook) -> None:
    (daybook.folder / "data" / "secret.key").unlink()

    verdicts = {one["check"]: one for one in daybook.json("doctor", "--local", status=1)}

    assert verdicts["secrets"]["state"] == "fail"
    assert not (daybook.folder / "data" / "secret.key").exists()


def test_the_doctor_makes_nothing_where_nothing_is(daybook: Daybook) -> None:
    fresh = Daybook(daybook.folder / "fresh", daybook.port, daybook.sandbox)
    fresh.folder.mkdir()

    fresh.run("doctor")

    assert list(fresh.folder.iterdir()) == []
