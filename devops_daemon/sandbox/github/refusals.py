"""How GitHub says no: a status and a message, with a link to its documentation."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"
NOT_FOUND = "Not Found"
NO_INTEGRATION = "Resource not accessible by integration"
NO_FINE_GRAINED = "Resource not accessible by personal access token"


class Refusal(Exception):  # noqa: N818 - an answer of GitHub's, not an error of the sandbox
    """A request is not granted; the message is for the client."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        errors: Sequence[Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Say why."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    @property
    def body(self) -> dict[str, Any]:
        """What the answer says."""
        said = {"message": self.message, "documentation_url": DOCUMENTATION, "status": str(int(self.status))}
        return said | ({"errors": list(self.errors)} if self.errors is not None else {})


def not_found() -> Refusal:
    """Make the refusal of what is not there, or not for this caller's eyes."""
    return Refusal(HTTPStatus.NOT_FOUND, NOT_FOUND)


def forbidden(message: str) -> Refusal:
    """Make the refusal of what the caller may not do."""
    return Refusal(HTTPStatus.FORBIDDEN, message)


def bad_credentials() -> Refusal:
    """Make the refusal of a token that nobody knows, or that is no longer good."""
    return Refusal(HTTPStatus.UNAUTHORIZED, "Bad credentials")


def invalid(resource: str, field: str, code: str, message: str | None = None) -> Refusal:
    """Make the refusal of a field: missing, missing_field, invalid, already_exists, unprocessable or custom."""
    problem = {"resource": resource, "field": field, "code": code} | ({"message": message} if message else {})
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed", errors=[problem])


def unprocessable(message: str) -> Refusal:
    """Make the refusal of something that can be read but not done."""
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, message)


def unreadable() -> Refusal:
    """Make the refusal of a body that is no JSON object."""
    return Refusal(HTTPStatus.BAD_REQUEST, "Problems parsing JSON")
