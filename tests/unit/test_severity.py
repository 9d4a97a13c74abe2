"""How bad a trouble is."""

import pytest
from builders import a_trouble

from devops_daemon.incidents.severity import severity, worst
from devops_daemon.model import Severity, Symptom


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ("backend", Severity.SEV1),
        ("backend/database", Severity.SEV1),
        ("backend/auth", Severity.SEV2),
        ("frontend", Severity.SEV2),
    ],
)
def test_what_is_down_is_as_bad_as_its_probe_says(probe: str, expected: Severity) -> None:
    assert severity(a_trouble(probe)) is expected


@pytest.mark.parametrize("symptom", [Symptom.DEGRADED, Symptom.FLAPPING])
@pytest.mark.parametrize("if_down", list(Severity))
def test_what_is_not_down_is_a_sev3_whatever_its_probe_says(symptom: Symptom, if_down: Severity) -> None:
    assert severity(a_trouble(symptom=symptom, if_down=if_down)) is Severity.SEV3


@pytest.mark.parametrize("if_down", list(Severity))
def test_a_probe_may_be_a_sev3_even_when_it_is_down(if_down: Severity) -> None:
    assert severity(a_trouble(if_down=if_down)) is if_down


@pytest.mark.parametrize(
    ("several", "expected"),
    [
        ([Severity.SEV3, Severity.SEV1, Severity.SEV2], Severity.SEV1),
        ([Severity.SEV3, Severity.SEV2], Severity.SEV2),
        ([Severity.SEV3], Severity.SEV3),
        ([], Severity.SEV3),
    ],
)
def test_of_several_the_lowest_number_is_the_worst(several: list[Severity], expected: Severity) -> None:
    assert worst(several) is expected
