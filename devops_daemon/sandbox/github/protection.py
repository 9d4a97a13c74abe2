"""What has to hold before something is merged into a branch: classic protection and rulesets, both or one."""

from dataclasses import dataclass, field

from devops_daemon.sandbox.github import ids


@dataclass(frozen=True, slots=True)
class Requirements:
    """Checks that must be green, by name; strict means that the branch must be up to date, too."""

    checks: tuple[str, ...] = ()
    strict: bool = False
    approvals: int = 0


@dataclass(slots=True)
class Protection:
    """The requirements on a branch, of each kind; None where that kind says nothing."""

    classic: Requirements | None = None
    ruleset: Requirements | None = None
    ruleset_id: int = field(default_factory=ids.fresh)

    @property
    def checks(self) -> frozenset[str]:
        """All checks that are required."""
        return frozenset(name for each in self._all for name in each.checks)

    @property
    def strict(self) -> bool:
        """Tell whether what is merged must be up to date."""
        return any(each.strict for each in self._all)

    @property
    def approvals(self) -> int:
        """How many reviewers have to approve."""
        return max((each.approvals for each in self._all), default=0)

    @property
    def guards(self) -> bool:
        """Tell whether nobody but an admin may push to it."""
        return bool(self.checks or self.approvals)

    @property
    def _all(self) -> list[Requirements]:
        return [each for each in (self.classic, self.ruleset) if each]
