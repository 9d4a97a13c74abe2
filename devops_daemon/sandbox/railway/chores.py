"""What goes on in the background: tasks that end with the sandbox."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta


class Chores:
    """The tasks that are under way; an error of one is raised at the end, not lost."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    def begin(self, chore: Coroutine[object, object, None]) -> None:
        """Let this go on in the background."""
        task = asyncio.create_task(chore)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def end(self) -> None:
        """Cancel all, wait until they are gone, and raise the first error that any had."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._errors:
            raise self._errors[0]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error:
            self._errors.append(error)


async def pause(time: timedelta) -> None:
    """Let this time pass."""
    await asyncio.sleep(time.total_seconds())
