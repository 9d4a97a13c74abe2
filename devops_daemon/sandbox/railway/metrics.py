"""What containers use, made up so that it is plausible and the same for the same time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from devops_daemon.sandbox.railway.pages import Node

_DAY = 86_400
_LEAK = timedelta(minutes=15)
"""How long it takes until no memory is left."""
_MEMORY, _MEMORY_LIMIT = "MEMORY_USAGE_GB", "MEMORY_LIMIT_GB"
MOST_SAMPLES = 5_000


@dataclass(frozen=True, slots=True)
class Curve:
    """A value that goes up and down with the day around its middle; a limit does not."""

    middle: float
    swing: float = 0

    def at(self, second: int, shift: float) -> float:
        """Give the value at this second; each service is shifted by its own part of a day."""
        day = math.sin(2 * math.pi * (second / _DAY + shift))
        tremor = math.sin(second / 37 + shift * 100)
        return round(self.middle + self.swing * (0.8 * day + 0.2 * tremor), 6)


CURVES: Mapping[str, Curve] = {
    "CPU_USAGE": Curve(0.12, 0.08),
    "CPU_LIMIT": Curve(8),
    _MEMORY: Curve(0.31, 0.05),
    _MEMORY_LIMIT: Curve(8),
    "DISK_USAGE_GB": Curve(1.4, 0.1),
    "NETWORK_RX_GB": Curve(0.002, 0.001),
    "NETWORK_TX_GB": Curve(0.004, 0.002),
}


def times(start: datetime, end: datetime, rate: timedelta) -> list[int]:
    """Give the seconds at which is measured, each a multiple of the rate."""
    step = max(1, int(rate.total_seconds()))
    first = math.ceil(start.timestamp() / step) * step
    return list(range(first, int(end.timestamp()) + 1, step))[:MOST_SAMPLES]


def series(
    measurement: str, service_id: str, seconds: Sequence[int], *, memory_ran_out: datetime | None = None
) -> Node:
    """Measure one thing of a service; what the sandbox does not play has no values."""
    curve = CURVES.get(measurement)
    shift = sha256(service_id.encode()).digest()[0] / 256
    values = {second: curve.at(second, shift) for second in seconds} if curve else {}
    if memory_ran_out and measurement == _MEMORY:
        values = {second: _leaking(value, memory_ran_out.timestamp() - second) for second, value in values.items()}
    shown = [{"ts": second, "value": value} for second, value in values.items()]
    return {"measurement": measurement, "tags": {"serviceId": service_id}, "values": shown}


def _leaking(value: float, left: float) -> float:
    """Give the memory used so many seconds before none is left; it climbs in a straight line."""
    if not 0 <= left <= _LEAK.total_seconds():
        return value
    share = 1 - left / _LEAK.total_seconds()
    return round(value + share * (CURVES[_MEMORY_LIMIT].middle - value), 6)
