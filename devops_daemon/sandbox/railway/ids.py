"""Ids of the sandbox: those of the built-in world follow from a name, so that they can be written down."""

from uuid import NAMESPACE_URL, uuid4, uuid5

_NAMESPACE = uuid5(NAMESPACE_URL, "https://railway.sandbox")


def named(*names: str) -> str:
    """Give the id of what bears this name, the same at each start: `named("service", "backend")`."""
    return str(uuid5(_NAMESPACE, "/".join(names)))


def fresh() -> str:
    """Give an id that nobody has yet."""
    return str(uuid4())
