"""Who may see the pages: the contract's rule for `VIEWER_TOKEN` and `OPERATOR_TOKEN`, as a table."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devops_daemon.entrypoints.access import Access, Tokens, is_loopback, may_act, may_view
from devops_daemon.settings import WrongSettingsError, read

VIEWER, OPERATOR = "viewer-0123456789", "operator-0123456789"
BOTH = Tokens(viewer=VIEWER, operator=OPERATOR)
HERE, ELSEWHERE = ("127.0.0.1", "127.0.0.1:8080"), ("203.0.113.7", "devops.example.com")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# No token is set: this machine only


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::FFFF:127.0.0.1", "::1%lo"])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:8080", "LocalHost.", "[::1]", "[::1]:8080"]
)
def test_without_tokens_this_machine_is_let_in(peer: str, host: str) -> None:
    assert may_view(Tokens(), None, peer, host) is Access.GRANTED


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("203.0.113.7", "devops.example.com"),
        ("203.0.113.7", "127.0.0.1:8080"),
        ("203.0.113.7", "localhost"),
        ("10.0.0.5", "localhost"),
        ("::ffff:203.0.113.7", "localhost"),
        ("::ffff:10.0.0.5", "localhost"),
        ("fe80::1%lo", "localhost"),
        ("::", "localhost"),
        ("0.0.0.0", "localhost"),  # noqa: S104 # no address of a peer
        ("", "localhost"),
        (None, "localhost"),
        ("unix", "localhost"),
        ("127.0.0.1", "devops.example.com"),
        ("127.0.0.1", "evil.example:8080"),
        ("127.0.0.1", "127.0.0.1.evil.example"),
        ("127.0.0.1", "localhost.evil.example:8080"),
        ("127.0.0.1", "evil.localhost.example"),
        ("127.0.0.1", "[::1].evil.example"),
        ("127.0.0.1", "[::1]evil.example:8080"),
        ("127.0.0.1", "127.0.0.1%evil.example"),
        ("127.0.0.1", "evil.example#127.0.0.1"),
        ("127.0.0.1", "10.0.0.5:8080"),
        ("127.0.0.1", "0.0.0.0:8080"),
        ("127.0.0.1", "[::ffff:10.0.0.5]:8080"),
        ("127.0.0.1", "2130706433"),
        ("127.0.0.1", ""),
        ("127.0.0.1", ":8080"),
        ("127.0.0.1", "["),
        ("127.0.0.1", "[]"),
        ("127.0.0.1", None),
        (None, None),
    ],
)
def test_without_tokens_all_others_are_shut_out(peer: str | None, host: str | None) -> None:
    assert may_view(Tokens(), None, peer, host) is Access.CLOSED


@pytest.mark.parametrize("authorization", [f"Bearer {VIEWER}", "Bearer ", "Basic Og==", basic("", "")])
@pytest.mark.parametrize("empty", [Tokens(), Tokens(viewer="", operator="")])
def test_where_no_token_is_set_none_opens(empty: Tokens, authorization: str) -> None:
    assert may_view(empty, authorization, *ELSEWHERE) is Access.CLOSED


# A token is set: the token only, from wherever


@pytest.mark.parametrize("where", [HERE, ELSEWHERE, (None, None)], ids=["here", "elsewhere", "nowhere"])
@pytest.mark.parametrize(
    ("tokens", "authorization", "access"),
    [
        (BOTH, f"Bearer {VIEWER}", Access.GRANTED),
        (BOTH, f"Bearer {OPERATOR}", Access.GRANTED),
        (BOTH, f"bearer {VIEWER}", Access.GRANTED),
        (BOTH, f"BEARER   {VIEWER} ", Access.GRANTED),
        (BOTH, basic("anybody", VIEWER), Access.GRANTED),
        (BOTH, basic("", VIEWER), Access.GRANTED),
        (BOTH, basic("operator", OPERATOR), Access.GRANTED),
        (BOTH, basic("J\u00f6rg \u6f22", VIEWER).replace("Basic", "basic"), Access.GRANTED),
        (Tokens(viewer=VIEWER), f"Bearer {VIEWER}", Access.GRANTED),
        (Tokens(operator=OPERATOR), f"Bearer {OPERATOR}", Access.GRANTED),
        (Tokens(operator=OPERATOR), basic("x", OPERATOR), Access.GRANTED),
        (Tokens(viewer="with:colons:0123456789"), basic("x", "with:colons:0123456789"), Access.GRANTED),
        (Tokens(viewer="\u6f22\u5b57-0123456789abcdef"), "Bearer \u6f22\u5b57-0123456789abcdef", Access.GRANTED),
        (BOTH, None, Access.ASK),
        (BOTH, "", Access.ASK),
        (BOTH, "Bearer", Access.ASK),
        (BOTH, "Bearer ", Access.ASK),
        (BOTH, "Bearer wrong-0123456789ab", Access.ASK),
        (BOTH, f"Bearer {VIEWER}x", Access.ASK),
        (BOTH, f"Bearer {VIEWER[:-1]}", Access.ASK),
        (BOTH, f"Bearer {VIEWER.upper()}", Access.ASK),
        (BOTH, f"Bearer x {VIEWER}", Access.ASK),
        (BOTH, VIEWER, Access.ASK),
        (BOTH, f"Token {VIEWER}", Access.ASK),
        (BOTH, f"Digest {VIEWER}", Access.ASK),
        (BOTH, f"Basic {VIEWER}", Access.ASK),
        (BOTH, basic(VIEWER, ""), Access.ASK),
        (BOTH, basic(VIEWER, "x"), Access.ASK),
        (BOTH, "Basic " + base64.b64encode(VIEWER.encode()).decode(), Access.ASK),
        (BOTH, "Basic !!!", Access.ASK),
        (BOTH, "Basic Og", Access.ASK),
        (Tokens(viewer=VIEWER), f"Bearer {OPERATOR}", Access.ASK),
        (Tokens(operator=OPERATOR), f"Bearer {VIEWER}", Access.ASK),
        (Tokens(viewer=VIEWER, operator=""), "Bearer ", Access.ASK),
        (Tokens(viewer="", operator=OPERATOR), basic("x", ""), Access.ASK),
    ],
)
def test_with_a_token_set_it_opens_and_nothing_else_does_not_even_from_this_machine(
    tokens: Tokens, authorization: str | None, access: Access, where: tuple[str | None, str | None]
) -> None:
    assert may_view(tokens, authorization, *where) is access


headers = st.one_of(
    st.text(st.characters()),  # aiohttp gives bytes that are not UTF-8 as surrogates
    st.builds("{} {}".format, st.sampled_from(["Bearer", "basic", "Basic", "Digest"]), st.text(st.characters())),
    st.builds("Basic {}".format, st.binary().map(base64.b64encode).map(bytes.decode)),
)


@given(st.none() | headers, st.none() | st.text(st.characters()), st.none() | st.text(st.characters()))
@example("Bearer \udcff", "127.0.0.1", "localhost")
@example("Basic \udcff", "127.0.0.1", "localhost")
def test_no_header_is_too_strange(authorization: str | None, peer: str | None, host: str | None) -> None:
    assert may_view(BOTH, authorization, peer, host) is Access.ASK
    assert may_view(Tokens(), authorization, "203.0.113.7", host) is Access.CLOSED
    assert may_view(Tokens(), authorization, peer, "devops.example.com") is Access.CLOSED


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=16, max_size=24))
@example("fifteen-letters ")
@example(" fifteen-letters")
@example("not-utf8-\udcff\udcfe-token")
def test_each_token_that_the_settings_take_opens(token: str) -> None:
    try:
        settings = read({"OPERATOR_TOKEN": token})
    except WrongSettingsError:
        return
    operator = settings.operator_token
    tokens = Tokens(operator=operator.get_secret_value() if operator else None)
    assert may_view(tokens, f"Bearer {token}", *ELSEWHERE) is (Access.GRANTED if operator else Access.CLOSED)


@given(st.ip_addresses(v=4))
def test_an_address_within_ipv6_is_of_this_machine_where_it_is_by_itself(address: object) -> None:
    assert is_loopback(f"::ffff:{address}") is is_loopback(str(address)) is str(address).startswith("127.")


# Who may act


@pytest.mark.parametrize("tokens", [Tokens(), Tokens(viewer=VIEWER), Tokens(operator="")])
@pytest.mark.parametrize("authorization", [None, "Bearer ", f"Bearer {VIEWER}", f"Bearer {OPERATOR}"])
def test_without_an_operator_s_token_nobody_acts(tokens: Tokens, authorization: str | None) -> None:
    assert may_act(tokens, authorization) is Access.CLOSED


@pytest.mark.parametrize("authorization", [f"Bearer {OPERATOR}", f"bearer {OPERATOR}", f"BEARER  {OPERATOR} "])
@pytest.mark.parametrize("tokens", [BOTH, Tokens(operator=OPERATOR)])
def test_the_operator_s_token_as_bearer_acts(tokens: Tokens, authorization: str) -> None:
    assert may_act(tokens, authorization) is Access.GRANTED


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        OPERATOR,
        "Bearer",
        f"Bearer {VIEWER}",
        f"Bearer {OPERATOR}x",
        f"Bearer {OPERATOR[:-1]}",
        f"Bearer{OPERATOR}",
        f"Token {OPERATOR}",
        basic("operator", OPERATOR),
        basic("", OPERATOR),
        "Bearer \udcff\udcfe",
    ],
)
def test_nothing_else_acts_and_no_browser_does_by_itself(authorization: str | None) -> None:
    assert may_act(BOTH, authorization) is Access.ASK


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=16, max_size=24))
@example("not-utf8-\udcff\udcfe-token")
def test_each_token_that_the_settings_take_acts(token: str) -> None:
    try:
        settings = read({"OPERATOR_TOKEN": token})
    except WrongSettingsError:
        return
    operator = settings.operator_token
    tokens = Tokens(operator=operator.get_secret_value() if operator else None)
    assert may_act(tokens, f"Bearer {token}") is (Access.GRANTED if operator else Access.CLOSED)
