"""Which troubles are one outage, and what is its cause."""

from collections.abc import Iterable, Sequence
from itertools import permutations
from random import Random

import pytest
from builders import a_probe, a_service, a_trouble, key, the_product
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.incidents.cause import cause, group, is_down, related, total_outage
from devops_daemon.model import ProbeKey, Service, Symptom, Trouble

PRODUCT = the_product()
CHAIN = (a_service("a"), a_service("b", depends_on=["a"]), a_service("c", depends_on=["b"]))
APART = (a_service("shop"), a_service("blog"), a_service("wiki"))
SIBLINGS = (a_service("backend"), a_service("site", depends_on=["backend"]), a_service("admin", depends_on=["backend"]))


def names(groups: Iterable[Iterable[Trouble]]) -> list[list[str]]:
    return [[str(trouble.key) for trouble in outage] for outage in groups]


def down(*probes: str) -> list[Trouble]:
    return [a_trouble(probe) for probe in probes]


def test_nothing_wrong_is_no_outage() -> None:
    assert group([], PRODUCT) == []


def test_a_backend_that_is_down_explains_auth_database_and_frontend() -> None:
    troubles = down("frontend", "backend/auth", "backend/database", "backend")
    assert names(group(troubles, PRODUCT)) == [["backend", "backend/database", "backend/auth", "frontend"]]


@pytest.mark.parametrize("upstream", ["backend/database", "backend/auth"])
def test_any_probe_of_the_backend_may_explain_the_frontend(upstream: str) -> None:
    assert names(group(down("frontend", upstream), PRODUCT)) == [[upstream, "frontend"]]


def test_a_service_is_explained_by_what_its_dependency_depends_on() -> None:
    assert names(group(down("c", "a"), (*CHAIN, a_service("z")))) == [["a", "c"]]


def test_services_that_do_not_depend_on_each_other_are_outages_of_their_own() -> None:
    assert names(group(down("shop", "blog"), APART)) == [["shop"], ["blog"]]


def test_services_that_share_a_dependency_which_is_up_are_outages_of_their_own() -> None:
    assert names(group(down("site", "admin"), SIBLINGS)) == [["site"], ["admin"]]


@pytest.mark.parametrize("failing", list(permutations(["site", "admin", "backend"])), ids=str)
def test_a_dependency_that_is_down_joins_what_depends_on_it(failing: Sequence[str]) -> None:
    services = (*SIBLINGS, a_service("blog"))
    assert names(group(down(*failing), services)) == [["backend", "site", "admin"]]


def test_all_down_at_once_is_one_outage_whatever_depends_on_what() -> None:
    assert names(group(down("wiki", "blog", "shop"), APART)) == [["shop", "blog", "wiki"]]


@pytest.mark.parametrize("symptom", [Symptom.DEGRADED, Symptom.FLAPPING])
def test_what_is_only_degraded_or_flapping_is_never_part_of_an_outage(symptom: Symptom) -> None:
    troubles = [a_trouble("backend/auth", symptom), *down("backend")]
    assert names(group(troubles, PRODUCT)) == [["backend"], ["backend/auth"]]


def test_lesser_troubles_are_grouped_by_service_alone() -> None:
    troubles = [a_trouble(name, Symptom.DEGRADED) for name in ("frontend", "backend/auth", "backend")]
    assert names(group(troubles, PRODUCT)) == [["frontend"], ["backend", "backend/auth"]]


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        (["backend", "frontend"], True),
        (["backend/auth", "frontend"], True),
        (["backend", "backend/database", "backend/auth"], False),
        (["frontend"], False),
        ([], False),
    ],
)
def test_a_total_outage_is_every_service_down(probes: list[str], expected: bool) -> None:  # noqa: FBT001 # a table
    assert total_outage(down(*probes), PRODUCT) is expected


def test_the_only_service_going_down_is_no_total_outage() -> None:
    assert not total_outage(down("backend"), [a_service("backend")])


def test_a_service_that_is_only_slow_is_not_part_of_a_total_outage() -> None:
    assert not total_outage([*down("backend"), a_trouble("frontend", Symptom.DEGRADED)], PRODUCT)


def test_a_service_that_is_not_watched_does_not_hide_a_total_outage() -> None:
    services = (*PRODUCT, a_service("blog", probes=[a_probe("blog", off="switched off in devops.toml")]))
    assert total_outage(down("backend", "frontend"), services)


def test_a_service_of_which_only_a_part_is_watched_belongs_to_a_total_outage() -> None:
    blog = a_service("blog", probes=[a_probe("blog"), a_probe("blog/search", off="switched off in devops.toml")])
    assert not total_outage(down("backend", "frontend"), (*PRODUCT, blog))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("a", "a", True), ("a", "b", True), ("a", "c", True), ("c", "a", True), ("a", "z", False), ("z", "a", False)],
)
def test_services_are_related_along_their_dependencies_in_both_directions(
    one: str,
    other: str,
    expected: bool,  # noqa: FBT001 # a table
) -> None:
    assert related(one, other, (*CHAIN, a_service("z"))) is expected


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        (["frontend", "backend"], "backend"),
        (["frontend", "backend/auth", "backend/database"], "backend/database"),
        (["frontend"], "frontend"),
        (["gone", "frontend"], "frontend"),
    ],
)
def test_the_cause_is_the_most_upstream_probe_that_fails(failing: list[str], expected: str) -> None:
    assert cause([key(name) for name in failing], PRODUCT) == key(expected)


def some_services(draw: st.DrawFn) -> tuple[Service, ...]:
    """Draw up to five services, each of which may depend on earlier ones."""
    count = draw(st.integers(1, 5))
    return tuple(
        a_service(f"s{place}", depends_on=[f"s{other}" for other in range(place) if draw(st.booleans())])
        for place in range(count)
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[tuple[Service, ...], list[Trouble]]:
    services = some_services(draw)
    keys: list[ProbeKey] = [service.probes[0].key for service in services]
    failing = draw(st.lists(st.sampled_from(keys), unique=True))
    return services, [a_trouble(str(name), draw(st.sampled_from(Symptom))) for name in failing]


@given(worlds())
def test_every_trouble_is_in_exactly_one_group(world: tuple[tuple[Service, ...], list[Trouble]]) -> None:
    services, troubles = world
    grouped = [trouble.key for outage in group(troubles, services) for trouble in outage]
    assert sorted(grouped) == sorted(trouble.key for trouble in troubles)


@given(worlds())
def test_the_first_of_a_group_is_its_cause(world: tuple[tuple[Service, ...], list[Trouble]]) -> None:
    services, troubles = world
    for outage in group(troubles, services):
        assert outage[0].key == cause([trouble.key for trouble in outage], services)


@given(worlds())
def test_related_outages_are_never_told_apart(world: tuple[tuple[Service, ...], list[Trouble]]) -> None:
    services, troubles = world
    outages = [outage for outage in group(troubles, services) if is_down(outage[0])]
    for place, outage in enumerate(outages):
        for other in outages[place + 1 :]:
            assert not any(related(a.key.service, b.key.service, services) for a in outage for b in other)


@given(worlds(), st.randoms())
def test_the_order_in_which_troubles_are_found_does_not_matter(
    world: tuple[tuple[Service, ...], list[Trouble]], random: Random
) -> None:
    services, troubles = world
    shuffled = list(troubles)
    random.shuffle(shuffled)
    assert sorted(group(shuffled, services), key=str) == sorted(group(troubles, services), key=str)
