"""Call an agent about an issue, by whatever means it listens to: a call that leaves something is looked for first."""

from datetime import datetime, timedelta

from devops_daemon.calling import Means, Trigger
from devops_daemon.forge import Mark
from devops_daemon.ports import Forge

CLOCKS_DIFFER = timedelta(days=1)


async def wake(forge: Forge, trigger: Trigger, issue: int, text: str, mark: Mark, since: datetime) -> None:
    """Call it; a comment that bears its mark, written since then, is not written again.

    A workflow or an event leaves nothing that could be found: who calls keeps whether that was begun. Raises what the
    forge raises.
    """
    match trigger.means:
        case Means.LABEL:
            await forge.label(issue, [trigger.text])
        case Means.WORKFLOW:
            await forge.run_workflow(trigger.text, {"issue_number": str(issue)})
        case Means.DISPATCH:
            await forge.dispatch(trigger.text, {"issue_number": str(issue)})
        case Means.COMMENT:
            if await forge.find_comment(issue, mark, since - CLOCKS_DIFFER) is None:
                await forge.call(issue, f"{trigger.comment(text)}\n\n{mark}")
        case Means.NOT:
            pass
