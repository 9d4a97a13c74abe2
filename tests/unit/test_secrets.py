"""What must not be read in a log: what a service runs with now, and what it ran with before."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

import pytest
from builders import START, a_deployment, a_hosted, a_hosting, at, instances

from devops_daemon.evidence.secrets import FRESH, MOST_REMEMBERED, Secrets, with_lines
from devops_daemon.hosting import HostedService, Hosting
from devops_daemon.ports import Platform, UnavailableError
from devops_daemon.redaction import Redactor

BACKEND = a_hosted("backend", a_deployment("d1"))
FRONTEND = a_hosted("frontend", a_deployment("d2"))


@dataclass
class Vault:
    """The part of a platform that tells values."""

    values: dict[str, list[str]] = field(default_factory=dict)
    """By service id, one for each variable."""
    asked: list[str] = field(default_factory=list)
    services: tuple[HostedService, ...] = (BACKEND, FRONTEND)
    gone: bool = False
    hangs: bool = False

    async def hosting(self) -> Hosting:
        if self.gone:
            raise UnavailableError("gone")
        if self.hangs:
            await asyncio.sleep(3600)
        return a_hosting(*self.services)

    async def deployed_values(self, service_id: str) -> Mapping[str, str | None]:
        self.asked.append(service_id)
        if self.gone:
            raise UnavailableError("gone")
        return {f"KEY_{number}": value for number, value in enumerate(self.values.get(service_id, ()))}

    @property
    def platform(self) -> Platform:
        return cast("Platform", self)


@dataclass
class Story:
    """Secrets, with a vault and a clock that a test moves."""

    vault: Vault = field(default_factory=Vault)
    now: datetime = START
    made: list[list[str]] = field(default_factory=list)
    secrets: Secrets = field(init=False)

    def __post_init__(self) -> None:
        self.secrets = Secrets(self._make, lambda: self.now, timedelta(milliseconds=20))

    def _make(self, values: Iterable[str]) -> Redactor:
        self.made.append(list(values))
        return Redactor(self.made[-1])

    async def masks(self, value: str, *services: HostedService) -> bool:
        redactor = await self.secrets.of(self.vault.platform, services or (BACKEND,))
        return value not in redactor.text(f"key {value}.")


@pytest.fixture
def story() -> Story:
    return Story(Vault({BACKEND.id: ["first-value-1"]}))


async def test_what_is_known_is_not_asked_for_again_at_once(story: Story) -> None:
    assert await story.masks("first-value-1")
    story.now += FRESH
    assert await story.masks("first-value-1")
    assert (story.vault.asked, len(story.made)) == ([BACKEND.id], 1)


@pytest.mark.parametrize("passes", [FRESH + timedelta(seconds=1), timedelta(seconds=-1)])
async def test_what_was_read_a_while_ago_is_read_anew(story: Story, passes: timedelta) -> None:
    await story.masks("first-value-1")
    story.vault.values[BACKEND.id] = ["second-value-2"]
    story.now += passes
    assert await story.masks("second-value-2")


@pytest.mark.parametrize(
    "service",
    [
        a_hosted("backend", a_deployment("d9")),
        a_hosted("backend", a_deployment("d1"), latest=a_deployment("d9")),
        a_hosted("backend", replace(a_deployment("d1"), changed_at=at(5))),
        a_hosted("backend", replace(a_deployment("d1"), instances=instances("rr"))),
        a_hosted("backend"),
    ],
    ids=["deployed", "a newer one is under way", "its status has changed", "restarted", "removed"],
)
async def test_what_is_deployed_anew_may_run_with_other_values(story: Story, service: HostedService) -> None:
    await story.masks("first-value-1")
    story.vault.values[BACKEND.id] = ["second-value-2"]
    assert await story.masks("second-value-2", service)


async def test_a_value_that_was_changed_stands_in_older_lines(story: Story) -> None:
    await story.masks("first-value-1")
    story.vault.values[BACKEND.id] = ["second-value-2"]
    story.now += timedelta(hours=1)
    assert await story.masks("first-value-1")
    assert await story.masks("second-value-2")


async def test_of_what_was_seen_the_latest_is_remembered(story: Story) -> None:
    many = [f"value-number-{number:05}" for number in range(MOST_REMEMBERED)]
    for values in (["first-value-1", "second-value-2"], many[:-2], ["first-value-1"], many[-2:]):
        story.vault.values[BACKEND.id] = values
        story.now += timedelta(hours=1)
        await story.secrets.of(story.vault.platform, [BACKEND])
    assert sorted(story.made[-1]) == sorted(["first-value-1", *many[1:]])


async def test_what_a_service_runs_with_is_known_however_much_it_is(story: Story) -> None:
    story.vault.values[BACKEND.id] = [f"value-number-{number:05}" for number in range(MOST_REMEMBERED + 9)]
    await story.secrets.of(story.vault.platform, [BACKEND])
    assert len(story.made[-1]) == MOST_REMEMBERED + 9


async def test_what_one_service_runs_with_is_masked_in_the_lines_of_another(story: Story) -> None:
    await story.masks("first-value-1")
    assert await story.masks("first-value-1", FRONTEND)


async def test_without_an_answer_there_is_no_redactor(story: Story) -> None:
    story.vault.gone = True
    with pytest.raises(UnavailableError):
        await story.secrets.of(story.vault.platform, [BACKEND])


async def test_at_best_all_services_values_are_known(story: Story) -> None:
    redactor = await story.secrets.at_best(story.vault.platform)
    assert redactor.text("key first-value-1") == "key [redacted]"
    assert sorted(story.vault.asked) == [BACKEND.id, FRONTEND.id]


@pytest.mark.parametrize("how", ["gone", "hangs", "off"])
async def test_at_best_what_was_seen_before_is_known(story: Story, how: str) -> None:
    await story.masks("first-value-1")
    story.vault.gone, story.vault.hangs = how == "gone", how == "hangs"
    redactor = await story.secrets.at_best(None if how == "off" else story.vault.platform)
    assert redactor.text("key first-value-1") == "key [redacted]"


def test_lines_are_of_services_of_which_something_was_deployed() -> None:
    assert with_lines(a_hosting(BACKEND, a_hosted("empty"))) == [BACKEND]
