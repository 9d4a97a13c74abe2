"""How much work a call takes, told apart from what else the machine does meanwhile."""

import gc
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")
_TRIES = 3


def cpu_within(seconds: float, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Give what a call returns, where it takes at most so many CPU seconds; the call must be one that can be repeated.

    Only this thread's time counts and no garbage of other tests is collected meanwhile. A cold cache or a slow moment
    of a shared processor lengthens one try; what takes too long by its nature does so three times.
    """
    taken = []
    for _ in range(_TRIES):
        gc.disable()
        started = time.thread_time()
        try:
            result = call(*args, **kwargs)
        finally:
            taken.append(time.thread_time() - started)
            gc.enable()
        if taken[-1] < seconds:
            return result
    raise AssertionError(f"took {min(taken):.3f} s of CPU at best, {seconds} s are allowed")
