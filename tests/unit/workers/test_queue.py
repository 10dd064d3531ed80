"""A broker's URL, before anything is connected to."""

from __future__ import annotations

import pytest

from workers.errors import Misconfigured
from workers.queue import open_broker


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@localhost:port",
        "redis://:hunter2@[localhost",
        "redis://:hunter2@localhost?socket_timeout=long",
        "redis://:hunter2@localhost?colour=blue",
        "redis://:hunter2@localhost?protocol=9",
        "rediss://:hunter2@localhost?ssl_cert_reqs=sometimes",
        "amqp://u:hunter2@localhost:99999",
        "amqp://u:hunter2@localhost?colour=blue",
        "amqp://u:hunter2@localhost?tcp_options={",
    ],
)
def test_a_broker_url_that_cannot_be_read_is_named_and_not_repeated(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^DAYBOOK_BROKER_URL cannot be read; write redis://") as caught:
        open_broker(url)

    assert "hunter2" not in caught.value.message
