"""How Railway refuses a query that it understands: a message, and a code that says little."""

NOT_AUTHORIZED = "Not Authorized"
PROBLEM = "Problem processing request"
"""What is answered, without code or path, to what Railway cannot serve."""


class Refusal(Exception):  # noqa: N818 - an answer of Railway's, not an error of the sandbox
    """A field is not answered; the message is for the client."""

    def __init__(self, message: str, code: str = "INTERNAL_SERVER_ERROR") -> None:
        """Say why; the code of ordinary refusals is that of an internal error."""
        super().__init__(message)
        self.code = code


def not_found(kind: str) -> Refusal:
    """Make the refusal of an id that nothing bears: `ServiceInstance not found`."""
    return Refusal(f"{kind} not found")


def not_authorized() -> Refusal:
    """Make the refusal of what is not this caller's."""
    return Refusal(NOT_AUTHORIZED)
