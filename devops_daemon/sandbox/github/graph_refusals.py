"""How GraphQL says no: within an answer of 200, with a kind."""


class GraphRefusal(Exception):  # noqa: N818 - an answer of GitHub's, not an error of the sandbox
    """A field is not answered; the message is for the client."""

    def __init__(self, message: str, kind: str) -> None:
        """Say why; the kind is `NOT_FOUND`, `FORBIDDEN`, `UNPROCESSABLE`."""
        super().__init__(message)
        self.kind = kind


def unprocessable(message: str) -> GraphRefusal:
    """Make the refusal of what cannot be done."""
    return GraphRefusal(message, "UNPROCESSABLE")


def not_found(message: str) -> GraphRefusal:
    """Make the refusal of what is not there, or not for these eyes."""
    return GraphRefusal(message, "NOT_FOUND")


def forbidden(message: str) -> GraphRefusal:
    """Make the refusal of what this token may not do."""
    return GraphRefusal(message, "FORBIDDEN")
