"""What runs where: finding a service, and what is said where there is none of that name."""

from dataclasses import replace

import pytest
from builders import a_commit, a_deployment, a_hosted, a_hosting, a_record, at
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.hosting import (
    Commit,
    DatabaseAccess,
    Deployment,
    DeploymentRecord,
    Engine,
    Phase,
    UnknownServiceError,
    nearest,
)

KNOWN = ("Postgres", "backend", "devops-daemon", "frontend")


@pytest.mark.parametrize("name", ["Postgres", "postgres", "POSTGRES", "s-Postgres"])
def test_a_service_is_found_by_its_id_and_by_its_name_in_any_case(name: str) -> None:
    services = [a_hosted(known) for known in KNOWN]
    assert a_hosting(*services).service(name) == services[0]


def test_of_two_services_that_differ_in_case_the_one_that_was_written_is_meant() -> None:
    hosting = a_hosting(a_hosted("API"), a_hosted("api"))
    assert [hosting.service(name).name for name in ("api", "API", "Api")] == ["api", "API", "API"]


@pytest.mark.parametrize(
    ("written", "first"),
    [("postgress", "Postgres"), ("fronted", "frontend"), ("back-end", "backend"), ("DAEMON", "devops-daemon")],
)
def test_a_wrong_name_is_answered_with_all_names_the_nearest_first(written: str, first: str) -> None:
    assert nearest(written, KNOWN)[0] == first
    assert sorted(nearest(written, KNOWN)) == sorted(KNOWN)


def test_names_that_are_not_near_at_all_follow_by_alphabet() -> None:
    assert nearest("zzz", ["gamma", "alpha", "beta"]) == ["alpha", "beta", "gamma"]


@given(st.text(), st.sets(st.text("abcd-", min_size=1, max_size=6)))
def test_no_name_is_lost_and_none_is_made_up(written: str, known: set[str]) -> None:
    assert sorted(nearest(written, known)) == sorted(known)


def test_the_error_names_what_there_is() -> None:
    with pytest.raises(UnknownServiceError) as caught:
        a_hosting(a_hosted("backend"), a_hosted("frontend")).service("frontent")
    assert str(caught.value) == "there is no service 'frontent'; there are: frontend, backend"


def test_the_error_says_where_there_is_none_at_all() -> None:
    with pytest.raises(UnknownServiceError) as caught:
        a_hosting().service("backend")
    assert str(caught.value) == "there is no service 'backend'; there are: none"


def test_a_service_is_found_at_its_host_in_any_case() -> None:
    backend = a_hosted("backend", hosts=["api.shop.example"])
    hosting = a_hosting(a_hosted("frontend"), backend)
    assert hosting.at_host("API.shop.example") == backend
    assert hosting.at_host("shop.example") is None


def test_databases_are_found_by_their_kind() -> None:
    postgres = replace(a_hosted("Postgres"), engine=Engine.POSTGRES)
    hosting = a_hosting(a_hosted("backend"), postgres)
    assert hosting.databases(Engine.POSTGRES) == (postgres,)
    assert hosting.databases(Engine.REDIS) == ()


def test_the_newest_active_deployment_serves() -> None:
    old, new = a_deployment("d1"), a_deployment("d2", created=at(60))
    assert a_hosted("backend", new, old).serving == new
    assert a_hosted("backend", latest=new).serving is None


@pytest.mark.parametrize(
    ("commit", "image", "what"),
    [
        (a_commit("a", "cart: quicker\n\nIt was slow."), None, "aaaaaaa cart: quicker"),
        (Commit("b" * 40), None, "bbbbbbb"),
        (a_commit("c", "\n\n cart"), "redis:8", "ccccccc cart"),
        (None, "redis:8", "redis:8"),
        (None, None, "no commit"),
    ],
)
@pytest.mark.parametrize("noun", [a_deployment(), a_record()], ids=["deployment", "record"])
def test_a_deployment_is_told_of_by_its_commit_or_else_its_image(
    noun: Deployment | DeploymentRecord, commit: Commit | None, image: str | None, what: str
) -> None:
    assert replace(noun, commit=commit, image=image).what == what


@given(st.text("srexg", max_size=5))
def test_only_running_replicas_are_counted(letters: str) -> None:
    assert a_deployment(phase=Phase.LIVE, replicas=letters).running == letters.count("r")


def test_a_password_is_not_shown_and_goes_along_to_the_public_address() -> None:
    private = DatabaseAccess("Postgres", Engine.POSTGRES, "pg.internal", 5432, "u", "s3cret", "shop", public=False)
    public = private.at("proxy.example", 4711)
    assert (public.host, public.port, public.public, public.password) == ("proxy.example", 4711, True, "s3cret")
    assert "s3cret" not in f"{private!r}{public!r}"
