"""What the commands have at hand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devops_daemon.evidence.secrets import Secrets
from devops_daemon.incidents.hushing import Hushing
from devops_daemon.incidents.people import People
from devops_daemon.model import Service, Watchlist
from devops_daemon.ports import Clock, Forge, Platform, Prober, PullActs, RefusedError, StatusLedger, Switches, Upkeep
from devops_daemon.rollout.verdict import Health


class NotConfiguredError(RefusedError):
    """A part that is switched off was asked for; the text names the setting that switches it on."""


@dataclass(frozen=True, slots=True)
class Means:
    """The ports, and what is known of the product."""

    watchlist: Watchlist
    prober: Prober
    ledger: StatusLedger
    switches: Switches
    people: People
    """Keeps what people say of incidents."""
    hushing: Hushing
    """Keeps what they want it to be quiet about."""
    secrets: Secrets
    now: Clock
    look: Callable[[Service], Awaitable[Health | None]]
    """Looks at one service now."""
    asked_forge: Forge | None = None
    asked_pulls: PullActs | None = None
    """Does to pull requests what people want."""
    asked_platform: Platform | None = None
    asked_upkeep: Upkeep | None = None

    @property
    def forge(self) -> Forge:
        """The forge; raises NotConfiguredError."""
        if self.asked_forge is None:
            raise NotConfiguredError("GitHub is not configured: set GITHUB_REPOSITORY and GITHUB_TOKEN.")
        return self.asked_forge

    @property
    def pulls(self) -> PullActs:
        """What is done to pull requests; raises NotConfiguredError."""
        if self.asked_pulls is None:
            raise NotConfiguredError("GitHub is not configured: set GITHUB_REPOSITORY and GITHUB_TOKEN.")
        return self.asked_pulls

    @property
    def platform(self) -> Platform:
        """The platform; raises NotConfiguredError."""
        if self.asked_platform is None:
            raise NotConfiguredError("Railway is not configured: set RAILWAY_TOKEN_SW_FACTORY.")
        return self.asked_platform

    @property
    def upkeep(self) -> Upkeep:
        """The product's DevOps API; raises NotConfiguredError."""
        if self.asked_upkeep is None:
            raise NotConfiguredError(
                "The product's DevOps API is not configured: set DEVOPS_API_SECRET and PRODUCTION_BACKEND_URL."
            )
        return self.asked_upkeep
