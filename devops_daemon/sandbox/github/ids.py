"""Ids: numbers that grow, of one row for everything, and the opaque ones beside them."""

from base64 import b64encode
from itertools import count

_numbers = count(2_100_000_001)
"""Larger than 32 bits, as GitHub's are by now."""


def fresh() -> int:
    """Give a number that nothing bears yet."""
    return next(_numbers)


def node_id(kind: str, number: int) -> str:
    """Give the opaque id of what bears this number: `IC_kwDO…`."""
    return f"{kind}_kwDO{b64encode(number.to_bytes(8, 'big')).decode().rstrip('=')}"
