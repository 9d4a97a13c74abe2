"""Whether GitHub works: a state of its own, said once when it breaks and once when it is over."""

import structlog

log = structlog.get_logger("github")


class Outage:
    """What is wrong with GitHub now, if anything is."""

    def __init__(self) -> None:
        self.problem: str | None = None

    def broke(self, text: str) -> None:
        """Note that GitHub failed."""
        if self.problem is None:
            log.error("github.broken", reason=text)
        self.problem = text

    def works(self) -> None:
        """Note that GitHub answered."""
        if self.problem is not None:
            log.info("github.recovered", was=self.problem)
        self.problem = None
