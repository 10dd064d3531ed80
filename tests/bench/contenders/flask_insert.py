"""Flask under gunicorn: every request inserts its row and commits before it is answered."""

from __future__ import annotations

from flask import Flask, Response, request

from tests.bench.contenders import table
from tests.bench.contenders.verified import verified

app = Flask(__name__)
engine = table.from_environment(pool_size=1)


@app.post("/in/<token>")
def take(token: str) -> Response:
    """202 for a signed delivery that is in the table; `token` would choose the secret."""
    assert token
    body = request.get_data()
    if not verified(body, request.headers.get("x-cal-signature-256")):
        return Response("Not signed.", 401, mimetype="text/plain")
    table.keep(engine, body)
    return Response("Kept.", 202, mimetype="text/plain")
