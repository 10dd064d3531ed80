from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import example, given
from hypothesis import strategies as st
from redis import ConnectionPool
from sqlalchemy import make_url

from workers.errors import Misconfigured
from workers.settings import PREFIX, Settings, load

NOWHERE = Path("/nonexistent")


def settings(**environ: str) -> Settings:
    return load({PREFIX + name: value for name, value in environ.items()}, cwd=NOWHERE)


def test_the_defaults_are_those_that_scripts_rely_on() -> None:
    found = settings()

    assert (str(found.data_dir), found.host, found.port) == ("data", "127.0.0.1", 8787)
    assert found.base_url == "http://127.0.0.1:8787"
    assert found.database.startswith("sqlite:////")
    assert found.broker.startswith("unix://")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PUBLIC_URL", "daybook.acme.com"),
        ("PUBLIC_URL", "ftp://daybook.acme.com"),
        ("PUBLIC_URL", "https://daybook.acme.com?x=1"),
        ("PUBLIC_URL", "https://daybook.acme.com?"),
        ("PUBLIC_URL", "https://daybook.acme.com/#"),
        ("PUBLIC_URL", "https://me:secret@daybook.acme.com"),
        ("PUBLIC_URL", "https://@daybook.acme.com"),
        ("PUBLIC_URL", "https://daybook.acme.com\n.evil.example"),
        ("PUBLIC_URL", "https://daybook.\u202eacme.com"),
        ("PUBLIC_URL", "https://daybook acme.com"),
        ("PUBLIC_URL", "https://daybook.acme.com\\@evil.example"),
        ("PUBLIC_URL", "https://daybook.acme.com:eighty"),
        ("PUBLIC_URL", "https://daybook.acme.com:0"),
        ("PUBLIC_URL", "https://daybook..com"),
        ("HTTP_ALLOW", "http://n8n.internal"),
        ("HTTP_ALLOW", "n8n.internal:5678"),
        ("HTTP_ALLOW", "10.0.0.0/99"),
        ("HTTP_ALLOW", "*.internal"),
        ("HTTP_ALLOW", "n8n,"),
        ("PYTHON_STEPS", "billing.py"),
        ("PYTHON_STEPS", "a b=billing:run"),
        ("PYTHON_STEPS", "bill=billing"),
        ("PYTHON_STEPS", "bill=billing:run,"),
        ("SIGNING_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("SIGNING_SECRET", "whsec_c2hvcnQ="),
        ("SIGNING_SECRET", "whsec_not base64"),
        ("HOST", "a..b"),
        ("HOST", "http://127.0.0.1"),
        ("HOST", "127.0.0.1\n"),
        ("DATA_DIR", "da\nta"),
        ("DATA_DIR", "da\udcffta"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "daybook.db"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://u:p\n@h/name"),
        ("BROKER_URL", "http://localhost"),
        ("BROKER_URL", "redis://localhost:99999"),
        ("BROKER_URL", "redis://localhost:port"),
        ("BROKER_URL", "redis://localhost:0"),
        ("BROKER_URL", "redis://:pa#ss@localhost"),
        ("BROKER_URL", "redis://:pa[ss@localhost"),
        ("BROKER_URL", "redis://localhost/first"),
        ("BROKER_URL", "redis://local..host"),
        ("BROKER_URL", "redis://localhost\n"),
        ("BROKER_URL", "unix://"),
        ("BROKER_URL", "unix:///run/a#b"),
        ("BROKER_URL", "amqp://guest:gu#est@localhost"),
        ("SECRET_KEY", "hunter2"),
        ("ADMIN_KEY", "short"),
        ("LOG_LEVEL", "loud"),
        ("MAX_BODY_BYTES", "-1"),
        ("SWEEP_INTERVAL", "nan"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name_and_what_it_is_for(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        settings(**{name: value})

    assert caught.value.message.startswith(f"DAYBOOK_{name} is wrong: ")
    assert str(Settings.model_fields[name.lower()].description) in caught.value.message


def test_an_error_does_not_repeat_a_secret() -> None:
    with pytest.raises(Misconfigured) as caught:
        settings(SECRET_KEY="not-a-fernet-key-but-secret")

    assert "not-a-fernet" not in caught.value.message
    for name, url in (("BROKER_URL", "redis://:hunter[2@h"), ("PUBLIC_URL", "https://me:hunter[2@h")):
        with pytest.raises(Misconfigured) as caught:
            settings(**{name: url})
        assert "hunter" not in caught.value.message
    assert "hunter2hunter2hunter2" not in repr(settings(ADMIN_KEY="hunter2hunter2hunter2"))


def test_a_near_miss_of_a_name_is_refused_with_the_right_one() -> None:
    with pytest.raises(Misconfigured, match="DAYBOOK_PUBLICURL is not a setting; did you mean DAYBOOK_PUBLIC_URL"):
        settings(PUBLICURL="https://a.example")


def test_what_kubernetes_sets_for_a_service_named_daybook_is_left_alone() -> None:
    assert settings(PORT_8787_TCP_ADDR="10.0.0.1", SERVICE_HOST="10.0.0.1").port == 8787


def test_an_empty_value_counts_as_unset() -> None:
    assert settings(PORT="", PUBLIC_URL="").port == 8787


def test_several_secret_keys_may_be_given_newest_first() -> None:
    keys = ",".join(Fernet.generate_key().decode() for _ in range(2))

    assert settings(SECRET_KEY=keys).secret_key is not None


def test_the_public_url_loses_its_last_slash() -> None:
    assert settings(PUBLIC_URL="https://daybook.acme.com/").base_url == "https://daybook.acme.com"


def test_a_long_data_directory_gets_a_socket_that_fits() -> None:
    long = Settings(data_dir=Path("/" + "x" * 200))

    assert len(str(long.valkey_socket)) < 108
    assert Settings(data_dir=Path("/d")).valkey_socket == Path("/d/valkey.sock")


@pytest.mark.parametrize("inside", ["", "below"])
def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Misconfigured, match=r"^DAYBOOK_DATA_DIR is wrong: .*/file is a file"):
        settings(DATA_DIR=str(tmp_path / "file" / inside))


def test_a_data_directory_with_a_name_too_long_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"^DAYBOOK_DATA_DIR is wrong: .* cannot be a folder"):
        settings(DATA_DIR="x" * 5_000)


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "a b", "ä"])
def test_any_name_of_a_folder_may_be_in_the_urls_made_of_it(name: str) -> None:
    found = Settings(data_dir=Path("/") / name)

    assert make_url(found.database).database == f"/{name}/daybook.db"
    assert ConnectionPool.from_url(found.broker).connection_kwargs["path"] == f"/{name}/valkey.sock"


@given(
    st.dictionaries(
        st.sampled_from([name.upper() for name in Settings.model_fields if name != "config"]),
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=40),
    )
)
@example({"PUBLIC_URL": "http://["})
@example({"DATABASE_URL": "sqlite://"})
@example({"PORT": "9" * 5000})
def test_any_text_is_a_setting_or_a_clear_error(environ: dict[str, str]) -> None:
    try:
        found = settings(**environ)
    except Misconfigured as error:
        named = error.message
    else:
        named = "DAYBOOK_" + found.base_url + found.database

    assert "DAYBOOK_" in named


def test_lists_and_mappings_may_be_written_with_commas_or_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "daybook.yaml").write_text(
        "http_allow: [n8n.internal, '[::1]']\npython_steps: {bill: 'acme.billing:run'}\n"
    )
    from_file = load({}, cwd=tmp_path)
    from_words = settings(HTTP_ALLOW="n8n.internal, 10.0.0.0/8", PYTHON_STEPS="bill=acme.billing:run, b2=c:d")

    assert from_file.http_allow == ("n8n.internal", "[::1]")
    assert from_file.python_steps == {"bill": "acme.billing:run"}
    assert from_words.http_allow == ("n8n.internal", "10.0.0.0/8")
    assert from_words.python_steps == {"bill": "acme.billing:run", "b2": "c:d"}
    assert (settings().http_allow, settings().python_steps) == (None, None)


def test_a_value_knows_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "daybook.yaml").write_text("port: 9000\nhost: localhost\n")
    (tmp_path / "key").write_text("k" * 20)
    found = load({"DAYBOOK_PORT": "9001", "DAYBOOK_ADMIN_KEY_FILE": str(tmp_path / "key")}, cwd=tmp_path)

    assert found.origin("port") == "DAYBOOK_PORT"
    assert found.origin("host") == f"host in {tmp_path / 'daybook.yaml'}"
    assert found.origin("admin_key") == "DAYBOOK_ADMIN_KEY_FILE"
    assert found.origin("log_level") is None
    assert found.model_copy(update={"log_level": "error"}).origin("port") == "DAYBOOK_PORT"
