"""The error tree, named by what happens next. A leaf: it imports nothing of Daybook.

Each class's docstring is its default message, so it is a whole sentence that ends with the remedy.
Anything raised that is not in this tree is a bug: it is logged with its traceback, never swallowed.
"""

from __future__ import annotations


class DaybookError(Exception):
    """Something in Daybook went wrong; the log line with this request id says what."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))

    @property
    def message(self) -> str:
        """The sentence for a person: what happened, and what to do next."""
        return str(self.args[0])

    @property
    def kind(self) -> str:
        """A stable snake_case word for scripts: the class's own name."""
        name = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


class Misconfigured(DaybookError):
    """A setting is wrong; the message names it and says what it may be. Nothing was started."""


class NotFound(DaybookError):
    """There is nothing by that name; the list command of the same noun shows what there is."""


class Conflict(DaybookError):
    """This would overwrite something that exists; choose another name, or remove the old one first."""


class BadInput(DaybookError):
    """An argument is wrong; the message names it and says what it may be."""


class StoreUnavailable(DaybookError):
    """The database did not answer; `daybook doctor` says why. Deliveries are kept in the spool meanwhile."""


class BadArguments(BadInput):
    """A tool's argument is missing or wrong; the message names it and says what is allowed. Nothing was sent."""


class CalcomError(DaybookError):
    """Cal.com answered with an error.

    `status` is the HTTP status (None: no answer came), `code` Cal.com's own `error.code` (three vocabularies;
    decide by `status`), `request_id` its `X-Request-Id`. `error.details` echoes the whole request, keys and
    secrets included, so it is never part of this.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class Unauthorized(CalcomError):
    """Cal.com refused the credential; make a new API key and run `daybook connections add` again."""


class Forbidden(CalcomError):
    """Cal.com answered 403: the role or plan is too low, or the thing is not there (it says 403 for both)."""


class Missing(CalcomError):
    """Cal.com has no such thing; it may have been deleted there."""


class AlreadyExists(CalcomError):
    """Cal.com already has such a thing (409); read it instead of making it again."""


class Rejected(CalcomError):
    """Cal.com refused the request as it stands; sending it again will not help."""


class RateLimited(CalcomError):
    """Cal.com's rate limit is reached; all calls of the connection wait until it says so."""

    def __init__(self, message: str | None = None, *, after: float, request_id: str | None = None) -> None:
        super().__init__(message, status=429, code="ThrottlerException", request_id=request_id)
        self.after = after  # seconds


class CalcomUnavailable(CalcomError):
    """Cal.com did not answer properly (5xx, HTML from the edge, a cut connection or a timeout).

    `sent` is False when it is certain that the request never reached Cal.com, so that repeating it is safe.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.sent = sent
