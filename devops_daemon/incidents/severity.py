"""Decide how bad a trouble is (specification, "Incident Severity Classification"; design, "The flows")."""

from collections.abc import Iterable, Mapping

from devops_daemon.model import Severity, Symptom, Trouble

SEVERITIES: Mapping[Symptom, Severity | None] = {
    Symptom.DOWN: None,  # what the probe says: backend and database SEV1, sign-in and frontend SEV2
    Symptom.DEGRADED: Severity.SEV3,
    Symptom.FLAPPING: Severity.SEV3,
    Symptom.STRAINED: None,  # what its level says
    Symptom.DECLARED: None,  # what the person says
}


def severity(trouble: Trouble) -> Severity:
    """Give the severity of one trouble."""
    return SEVERITIES[trouble.symptom] or trouble.if_down


def worst(severities: Iterable[Severity]) -> Severity:
    """Give the worst of several, SEV3 where there is none."""
    return min(severities, default=Severity.SEV3)
