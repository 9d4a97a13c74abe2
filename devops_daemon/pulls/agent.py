"""Ask the Code Agent about a pull request: on the issue that it is for, since agents do not listen on pull requests."""

import contextlib
from datetime import datetime

from devops_daemon.calling import Means, Trigger
from devops_daemon.forge import Mark, Pull
from devops_daemon.ports import Forge, GoneError
from devops_daemon.pulls import told
from devops_daemon.waking import wake

LABELS = ("automation",)


class Agent:
    """Who is asked, as `CODE_AGENT_TRIGGER` says."""

    def __init__(self, forge: Forge, trigger: Trigger) -> None:
        self._forge = forge
        self._trigger = trigger

    @property
    def is_there(self) -> bool:
        """Tell whether there is one to be asked."""
        return self._trigger.means is not Means.NOT

    async def issue_for(self, pull: Pull, *, reopened: bool = False) -> int:
        """Find the issue that it is for, or open one; with `reopened` one that its merge has closed is opened again."""
        for number in pull.issues:
            with contextlib.suppress(GoneError):
                found = await self._forge.issue(number)
                if found.pull or not (found.open or reopened):
                    continue
                if not found.open:
                    await self._forge.set_open(number, open_=True)
                return number
        mark = Mark("recreate", str(pull.number))
        known = await self._forge.find_issue(mark, LABELS[0])
        if known is None:
            known = await self._forge.open_issue(told.issue_title(pull), f"{told.issue_body(pull)}\n\n{mark}", LABELS)
        return known.number

    async def call(self, issue: int, text: str, mark: Mark, since: datetime) -> None:
        """Call it; a comment that bears its mark is not written again."""
        await wake(self._forge, self._trigger, issue, text, mark, since)
