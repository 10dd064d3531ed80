"""Signing in and out: with a key, or with a link that works once. What a session is, is in `workers.store.sessions`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from math import ceil, inf

import anyio.to_thread
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ingest import forgery, notice, witness
from ingest.dashboard import page
from ingest.dashboard.look import Look
from ingest.session import Doorkeeper, Identity, NotAllowed, SignInNeeded, cookie, secure
from ingest.source import Source
from workers.errors import DaybookError, StoreUnavailable
from workers.store import keys, paces, sessions
from workers.store.keys import Role

log = structlog.get_logger(__name__)

#: attempts a minute from one address; after a pause a quarter of them at once
PER_MINUTE = 20
#: seconds between two lines of the log about too many: whoever sends them must not fill the disk
_SAID_EVERY = 60.0
_WRONG = "That is no live key. `daybook keys list` shows those there are; `daybook keys link NAME` makes a link."
_USED = "This link was used, is older than an hour, or was cut short; `daybook keys link NAME` makes another."


class TooOften(DaybookError):
    """There were too many attempts from this address; wait a little."""


def routes(source: Source, doorkeeper: Doorkeeper, look: Look) -> list[Route]:
    """The three routes: the form, what it sends, and the way out."""
    desk = _Desk(source, doorkeeper, look)
    return [
        Route("/sign-in", desk.form, methods=["GET"]),
        Route("/sign-in", desk.sign_in, methods=["POST"]),
        Route("/sign-out", desk.sign_out, methods=["POST"]),
    ]


def local(target: str) -> str:
    """An address of ours to go on to; anything else is the first page."""
    fine = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if fine and not target.startswith("/sign-") else "/"


def begin(source: Source, request: Request, answer: Response, who: Identity, key_digest: bytes | None) -> None:
    """Open a session in somebody's name and hand it out with the answer. In a thread: it writes."""
    lives = timedelta(hours=source.settings.session_hours)
    now = datetime.now(UTC)
    with witness.of(source.store, who, "sign in", {}, door="dashboard"), source.store.write() as sql:
        token = sessions.begin(sql, name=who.name, role=who.role, key_digest=key_digest, now=now, lives=lives)
    public_url = source.settings.public_url
    answer.set_cookie(
        cookie(request, public_url),
        token,
        max_age=int(lives.total_seconds()),
        path="/",
        secure=secure(request, public_url),
        httponly=True,
        samesite="lax",
    )


def shown(
    look: Look, request: Request, *, problem: str = "", goal: str = "/", link: str = "", status: int = 200
) -> Response:
    """The page where one signs in, with what went wrong before."""
    told = {"problem": problem, "goal": goal, "link": link}
    said = notice.read(request)
    html = look.render("sign-in.html", "Sign in", told, request=request, identity=None, notice=said)
    answer = Response(html, status, media_type="text/html")
    if said is not None:
        notice.forget(answer)
    return answer


class _Desk:
    def __init__(self, source: Source, doorkeeper: Doorkeeper, look: Look) -> None:
        self._source, self._doorkeeper, self._look = source, doorkeeper, look
        self._said_at = -inf

    async def form(self, request: Request) -> Response:
        """The page. A link is not used up by being looked at: mail scanners and previews do that."""
        try:
            await self._doorkeeper.recognise(request)
        except SignInNeeded:
            return self._shown(request, link=request.query_params.get("link", ""))
        except StoreUnavailable as error:
            return self._shown(request, problem=error.message, status=503)
        return RedirectResponse(local(request.query_params.get("next", "/")), 303)

    async def sign_in(self, request: Request) -> Response:
        """With what the form holds: a key, or a link's token."""
        try:
            form = dict(await page.read_form(request))
        except ClientDisconnect:
            return Response(status_code=400)
        except DaybookError as error:
            return self._shown(request, problem=error.message, status=400)
        link, goal = form.get("link", "").strip(), local(form.get("next", "/"))
        try:
            if not forgery.same_origin(request.headers, self._source.settings.public_url):
                raise NotAllowed("this came from a page of another origin; sign in on Daybook's own page.")
            address = request.client.host if request.client else "unknown"
            return await anyio.to_thread.run_sync(
                self._begun, request, form.get("key", "").strip(), link, goal, address
            )
        except SignInNeeded:
            return self._shown(request, problem=_USED if link else _WRONG, goal=goal, status=401)
        except NotAllowed as error:
            return self._shown(request, problem=error.message, goal=goal, status=403)
        except TooOften as error:
            return self._shown(request, problem=error.message, goal=goal, link=link, status=429)
        except StoreUnavailable as error:
            return self._shown(request, problem=error.message, goal=goal, link=link, status=503)

    async def sign_out(self, request: Request) -> Response:
        """The session is over, here and for whoever copied its cookie."""
        name = cookie(request, self._source.settings.public_url)
        token = request.cookies.get(name)
        try:
            form = dict(await page.read_form(request))
            if token:
                if not forgery.genuine(token, form.get(forgery.FIELD)):
                    return RedirectResponse("/", 303)
                await anyio.to_thread.run_sync(self._end, token)
        except ClientDisconnect:
            return Response(status_code=400)
        except DaybookError as error:  # the session goes on, so its cookie stays
            return await page.failed(request, error, self._look, self._doorkeeper)
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(name, path="/", secure=secure(request, self._source.settings.public_url), httponly=True)
        notice.leave(answer, "You are signed out.")
        return answer

    def _begun(self, request: Request, key: str, link: str, goal: str, address: str) -> Response:
        try:
            who, key_digest = self._by_link(link) if link else self._by_made_key(key)
        except SignInNeeded:
            self._count(address)
            if link:
                raise
            who, key_digest = self._doorkeeper.by_key(key), keys.digest(key)
        answer = RedirectResponse(goal, 303)
        begin(self._source, request, answer, who, key_digest)
        return answer

    def _count(self, address: str) -> None:
        """One attempt more from an address, which may be a proxy's and so everyone's. Raises TooOften.

        Only what lets nobody in is counted, and what a person chose, the key in the settings: a link, or a key that
        Daybook made, is 256 random bits, which nobody guesses, and nobody's guessing keeps its owner out.
        """
        with self._source.store.write(durable=False) as sql:
            seconds = paces.ask(sql, f"sign-in {address}", per_minute=PER_MINUTE)
        if seconds <= 0:
            return
        if time.monotonic() > self._said_at + _SAID_EVERY:
            self._said_at = time.monotonic()
            log.warning("signin.too_often")
        raise TooOften(f"there were too many attempts from your address; try again in {ceil(seconds)} s.")

    def _by_made_key(self, key: str) -> tuple[Identity, bytes]:
        with self._source.store.read() as sql:
            found = keys.find(sql, key)
        if found is None:
            raise SignInNeeded
        return Identity(found.name, found.role, found.id), keys.digest(key)

    def _by_link(self, link: str) -> tuple[Identity, bytes]:
        with self._source.store.write() as sql:
            key_digest = sessions.use_link(sql, link, now=datetime.now(UTC))
            if key_digest is None:
                raise SignInNeeded
            if key_digest == self._doorkeeper.admin_digest:
                return Identity("DAYBOOK_ADMIN_KEY", Role.ADMIN), key_digest
            found = keys.of_digest(sql, key_digest)
        if found is None:
            raise SignInNeeded
        return Identity(found.name, found.role, found.id), key_digest

    def _end(self, token: str) -> None:
        with self._source.store.write() as sql:
            sessions.end(sql, token)

    def _shown(
        self, request: Request, *, problem: str = "", goal: str | None = None, link: str = "", status: int = 200
    ) -> Response:
        goal = goal or local(request.query_params.get("next", "/"))
        return shown(self._look, request, problem=problem, goal=goal, link=link, status=status)
