"""Wires what hears the product's users: from their feedback to issues."""

from devops_daemon.adapters.feedback import BackendFeedback
from devops_daemon.adapters.store.feedback import FeedbackRows
from devops_daemon.adapters.store.switches import SwitchRows
from devops_daemon.answering import Grounds
from devops_daemon.calling import trigger
from devops_daemon.connections import utc_now
from devops_daemon.ports import PAUSED, Forge
from devops_daemon.response.choose import paused
from devops_daemon.users.listen import Listen, Places
from devops_daemon.users.wording import Manner


def hearing(grounds: Grounds, forge: Forge, standing: str | None) -> Listen | None:
    """Make what looks at the feedback; None where no feedback API is configured.

    `standing` is why no agent may be called for as long as this process runs: an issue calls one.
    """
    settings = grounds.settings
    url, secret = settings.production_backend_url, settings.feedback_processor_secret
    if url is None or secret is None:
        return None
    redactor = grounds.knowing(())
    box = BackendFeedback(
        grounds.exchange,
        url,
        secret.get_secret_value(),
        redactor,
        secret_in_query=settings.feedback_secret_in_query,
    )
    manner = Manner(redactor.text, grounds.plans.show_email)
    switches = SwitchRows(grounds.store)

    async def holds() -> str | None:
        return standing or paused(await switches.read(PAUSED))

    places = Places(box, forge, FeedbackRows(grounds.store), trigger(settings.triage_agent_trigger), manner)
    alone, every = grounds.owner is not None, settings.feedback_interval
    return Listen(places, holds, utc_now, every=every, alone=alone, dry_run=settings.dry_run)
