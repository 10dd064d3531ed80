"""From a request to its answer, in the order of Cal.com's guards: throttle, key, organization, role, thing, body.

The API side of HTTP and nothing else: what a call does is in the controllers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from ingest.samples.samples import to_json
from ingest.sandbox import me
from ingest.sandbox.endpoint import Call, Endpoint, Paged
from ingest.sandbox.envelopes import Crash, Refusal, bare_failure, failure, iso, nest, success, throttled
from ingest.sandbox.faults import CallFault
from ingest.sandbox.gate import Standing, Throttle, caller_of, credential_of, organization_for
from ingest.sandbox.sandbox import CallRecord, Sandbox
from ingest.sandbox.sender import Outgoing
from ingest.sandbox.state import User, new_uuid
from ingest.sandbox.validation import checked

#: faults that come before the deed, and leave it undone
_BEFORE = ("error_before", "cut_before", "hang")
_EDGE_PAGE = "<html><head><title>{0}</title></head><body><h1>{0} from the edge</h1></body></html>"
Handler = Callable[[Request], Awaitable[Response]]


class CutResponse(Response):
    """An answer whose connection is dropped half way: the server closes it when the application stops early."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers, half of the body, and no end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


def handler_of(sandbox: Sandbox, endpoint: Endpoint) -> Handler:
    """The Starlette endpoint of one endpoint of the API."""

    async def handle(request: Request) -> Response:
        async def act(caller: User, now: datetime) -> Response:
            return await _act(sandbox, endpoint, request, caller, now)

        return await _answer(sandbox, request, act)

    return handle


def me_handler(sandbox: Sandbox) -> Handler:
    """The Starlette endpoint of `GET /v2/me`, the only one outside an organization."""

    async def handle(request: Request) -> Response:
        async def act(caller: User, now: datetime) -> Response:
            return _json(200, success(me.view(caller, sandbox.world)))

        return await _answer(sandbox, request, act)

    return handle


def nowhere_handler(sandbox: Sandbox) -> Handler:
    """The answer to a method and path that do not exist: 404, before any key is looked at."""

    async def handle(request: Request) -> Response:
        now, path = sandbox.options.clock(), request.url.path
        body = failure(nest(404, f"Cannot {request.method} {path}"), path, now)
        return _finished(sandbox, request, _json(404, body), now, None)

    return handle


async def _answer(sandbox: Sandbox, request: Request, act: Callable[[User, datetime], Awaitable[Response]]) -> Response:
    """Count the call, see who it is, do it, and go wrong where told to."""
    now, world, path = sandbox.options.clock(), sandbox.world, request.url.path
    address = request.client.host if request.client else ""
    credential = credential_of(request.headers, address, world, sandbox.options, now)
    fault = sandbox.faults.take_for_call(request.method, path)
    standing = _standing(sandbox.throttle, credential.tracker, credential.limit, sandbox.options.rate_limit, now)
    if fault and fault.kind == "throttle":
        standing = Standing(credential.limit, 0, max(1, round(fault.seconds)), blocked=True)
    try:
        if standing and standing.blocked:
            raise throttled()
        caller = caller_of(credential, world)
        if fault and fault.kind in _BEFORE:
            response = await _instead(fault)
        else:
            response = await act(caller, now)
    except Refusal as refusal:
        response = _json(refusal.status, failure(refusal, path, now))
        response.headers.update(refusal.headers)
    except Crash:
        response = _json(500, bare_failure())
    if standing:
        response.headers.update(standing.headers())
    return await _after(sandbox, request, response, fault, now)


def _standing(throttle: Throttle, tracker: str, limit: int, setting: int, now: datetime) -> Standing | None:
    return throttle.hit(tracker, limit, now) if setting > 0 else None


async def _act(sandbox: Sandbox, endpoint: Endpoint, request: Request, caller: User, now: datetime) -> Response:
    """The guards, the body, the deed, and what it announces."""
    own: dict[str, str] = {}
    if endpoint.own_limit and sandbox.options.rate_limit > 0:
        own = _own_limit(sandbox, endpoint.own_limit, caller, now)
    endpoint.check_path(request.path_params)
    world = sandbox.world
    org = organization_for(caller, int(request.path_params["orgId"]), endpoint, world)
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    call = Call(world, org, caller, request.path_params, query, now)
    for guard in endpoint.guards:
        guard(call)
    if endpoint.body is not None:
        call.body = checked(_document(request, await request.body()), endpoint.body)
    answer = endpoint.answer(call)
    if endpoint.method != "GET":
        sandbox.effects.note(endpoint.method, request.url.path, call.body)
    data = success(answer.data, pagination=answer.pagination) if isinstance(answer, Paged) else success(answer)
    for announced in call.announcements:
        body = to_json({"triggerEvent": announced.trigger, "createdAt": iso(now), "payload": announced.payload})
        await sandbox.sender.send(Outgoing(announced.trigger, org.id, partial(_same, body)))
    response = _json(endpoint.status, data)
    response.headers.update(own)
    return response


def _same(body: bytes, _: str) -> bytes:
    """A body that is the same in every webhook version."""
    return body


def _own_limit(sandbox: Sandbox, limit: tuple[int, str], caller: User, now: datetime) -> dict[str, str]:
    """The endpoint's own limit: one call within so many milliseconds. Raises 429."""
    milliseconds, suffix = limit
    window = timedelta(milliseconds=milliseconds)
    standing = sandbox.own_throttle(suffix, window).hit(f"user {caller.id}", 1, now)
    if standing.blocked:
        raise throttled(standing.headers(suffix))
    return standing.headers(suffix)


def _document(request: Request, body: bytes) -> Any:
    """The body as Express parses it: none, or none of JSON, is an empty object; broken JSON is 400."""
    if not body or not request.headers.get("content-type", "").lower().startswith("application/json"):
        return {}
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise nest(400, "Unexpected token in JSON") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def _instead(fault: CallFault) -> Response:
    """What comes in place of the deed."""
    if fault.kind == "error_before":
        return _faulty(fault)
    if fault.kind == "hang":
        await asyncio.sleep(fault.seconds)
    return CutResponse(to_json(bare_failure()), 200, media_type="application/json")


async def _after(
    sandbox: Sandbox, request: Request, response: Response, fault: CallFault | None, now: datetime
) -> Response:
    """The faults that come after the deed."""
    answer = response
    if fault and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif fault and fault.kind == "error_after":
        answer = _faulty(fault)
    elif fault and fault.kind == "cut":
        answer = CutResponse(bytes(response.body), response.status_code, media_type="application/json")
    for name, value in response.headers.items():
        if name.startswith("x-ratelimit-"):
            answer.headers[name] = value
    return _finished(sandbox, request, answer, now, fault.kind if fault else None)


def _finished(sandbox: Sandbox, request: Request, response: Response, now: datetime, fault: str | None) -> Response:
    request_id = new_uuid()
    response.headers["X-Request-Id"] = request_id
    path = request.url.path
    sandbox.calls.append(CallRecord(now, request.method, path, response.status_code, fault, request_id))
    return response


def _faulty(fault: CallFault) -> Response:
    if fault.status == 500:
        return _json(500, bare_failure())
    return HTMLResponse(_EDGE_PAGE.format(fault.status), fault.status)


def _json(status: int, document: object) -> Response:
    return Response(to_json(document), status, media_type="application/json; charset=utf-8")
