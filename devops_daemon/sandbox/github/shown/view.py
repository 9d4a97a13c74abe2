"""What is needed to show something: the state, and the addresses that are written into it."""

from dataclasses import dataclass

from devops_daemon.sandbox.github.world import Urls, World


@dataclass(frozen=True, slots=True)
class View:
    """The state and the addresses."""

    world: World
    urls: Urls
