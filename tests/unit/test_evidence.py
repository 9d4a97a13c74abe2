"""What the logs say of something: redacted before it is searched or compared, counted, the newest last."""

from dataclasses import replace

import pytest
from builders import a_line, at
from effort import cpu_within
from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.commands.sections import SHOWN_LINES, as_sections
from devops_daemon.evidence.search import LONGEST_READ, LONGEST_SHOWN, MOST_COUNTED, MOST_READ, search, wanted
from devops_daemon.redaction import Redactor

SECRET = "hunter2-kestrel-quarry"  # of a product that holds nothing
LOG = (
    a_line("GET /health 200 in 3 ms", at(0)),
    a_line("login of maria failed: wrong password", at(1), level="warn"),
    a_line("POST /api/auth/login 401", at(2)),
    a_line("connection to postgres lost: server closed the connection", at(3), level="error"),
    a_line("GET /cart 200 in 12 ms", at(4)),
    a_line("mariana signed in", at(5)),
)


def messages(topic: str | None, *, exactly: bool = False) -> list[str]:
    return [line.message for line in search(LOG, topic, str, exactly=exactly).lines]


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("authentication errors", [1]),
        ("login", [1, 2]),
        ("errors", [1, 3]),
        ("database errors", [3]),
        ("the cart", [4]),
        ("401", [2]),
        ("unicorns", []),
    ],
)
def test_lines_are_found_by_what_is_asked_for(topic: str, found: list[int]) -> None:
    assert messages(topic) == [LOG[number].message for number in found]


def test_without_a_topic_all_lines_are_shown() -> None:
    assert len(messages(None)) == len(LOG)


def test_a_users_name_is_found_as_it_is_and_not_within_others() -> None:
    assert messages("maria", exactly=True) == [LOG[1].message]


def test_filler_words_ask_for_nothing() -> None:
    assert wanted("all the latest of any") == []


@pytest.mark.parametrize(
    ("topic", "found"), [("5", ["attempt 5 of 6"]), ("of", ["attempt 5 of 6"]), ("!", ["done!"]), ("7", [])]
)
def test_a_topic_without_a_word_is_looked_for_as_it_is(topic: str, found: list[str]) -> None:
    lines = [a_line("attempt 5 of 6", at(0)), a_line("done!", at(1)), a_line("attempts: 55", at(2))]
    assert [line.message for line in search(lines, topic, str).lines] == found


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("carts", ("cart",)),
        ("process", ("process",)),
        ("processes", ("process",)),
        ("access", ("access",)),
        ("status", ("status",)),
        ("redis", ("redis",)),
        ("crashes", ("crash",)),
        ("causes", ("cause",)),
        ("queries", ("queries", "query")),
        ("jobs", ("jobs",)),
    ],
)
def test_only_a_plural_loses_its_ending(word: str, forms: tuple[str, ...]) -> None:
    assert wanted(word) == [forms]


def test_a_secret_is_out_before_lines_are_compared() -> None:
    lines = [a_line(f"connecting as shop with hunter2-{letter}", at(number)) for number, letter in enumerate("aab")]
    found = search(lines, None, Redactor(["hunter2-a", "hunter2-b"]).text)
    shown = "".join(section.text for section in as_sections("Logs", found))
    assert "hunter2" not in shown
    assert "[redacted]" in shown


def test_colours_within_a_secret_do_not_save_it() -> None:
    lines = [a_line("key hunter2-\x1b[31mkestrel\x1b[0m-quarry")]
    assert search(lines, None, Redactor([SECRET]).text).lines[0].message == "key [redacted]"


@pytest.mark.parametrize("topic", ["hunter2", "kestrel", "quarry", SECRET])
@pytest.mark.parametrize("exactly", [True, False])
def test_a_search_does_not_tell_what_a_secret_is(topic: str, exactly: bool) -> None:  # noqa: FBT001 # parametrised
    line = replace(a_line(f"bad key {SECRET}"), attributes=(("key", SECRET), ("password", "kestrel-quarry")))
    assert search([line], topic, Redactor([SECRET]).text, exactly=exactly).fitting == 0


def test_values_beside_a_line_are_searched_and_their_names_are_not() -> None:
    line = replace(a_line("denied"), attributes=(("level", "warn"), ("path", "/cart")))
    assert [search([line], topic, str).fitting for topic in ("cart", "path", "warn")] == [1, 0, 0]


def test_a_long_line_is_cut_where_it_is_seen_and_says_so() -> None:
    line = a_line("a" * LONGEST_SHOWN + "\n" + "b" * LONGEST_SHOWN)
    text = as_sections("Logs", search([line], None, str))[-1].text
    half = LONGEST_SHOWN // 2
    said = f"{'a' * half} \u2026 [{LONGEST_SHOWN + 1} characters left out] \u2026 {'b' * half}"
    assert text == f"2026-01-05 12:00:00 info  {said}"


@pytest.mark.parametrize("cut", [LONGEST_READ, LONGEST_READ // 2])
def test_a_secret_at_the_place_of_a_cut_is_not_shown_in_part(cut: int) -> None:
    for before in range(cut - len(SECRET), cut + 1, 3):
        line = a_line("x" * before + SECRET + "x" * LONGEST_READ)
        message = search([line], None, Redactor([SECRET]).text).lines[0].message
        assert message.removesuffix("[redacted]").rstrip("x") in {"", "[redacted]"}


def test_of_too_much_text_the_newest_lines_are_read() -> None:
    lines = [a_line("a b " * 1000, at(number)) for number in range(MOST_READ // 4000 + 100)]
    found = search(lines, None, str)
    assert (found.searched, found.lines[-1].at) == (MOST_READ // 4000, lines[-1].at)


def test_the_last_line_is_read_however_long_it_is() -> None:
    assert search([a_line("x" * 2 * MOST_READ)], None, str).searched == 1


def test_five_thousand_lines_are_searched_in_no_long_time() -> None:
    secrets = [f"secret-{number:x}-{number * 7919:x}" for number in range(500)]
    said = "upstream 10.0.0.7:8080 answered 502 to GET /api/orders/{} after 31 ms, attempt 2 of 3, with {}; next in 5 s"
    lines = [a_line(f"{said.format(number, 'x' * 60)}", at(number)) for number in range(5000)]
    redactor = Redactor(secrets)
    found = cpu_within(2, search, lines, "timeouts of orders", redactor.text)  # 0.4 s where nothing else runs
    assert found.searched == 5000


def test_what_is_said_often_is_counted_with_its_first_and_last_time() -> None:
    lines = [a_line(f"timeout after {number} ms", at(number)) for number in range(100, 140)]
    counted, shown = as_sections("Logs", search(lines, None, str))
    assert counted.text == "   40x info  timeout after <NUM> ms  (2026-01-05 12:01:40 to 12:02:19)"
    assert shown.text.splitlines()[-1] == "2026-01-05 12:02:19 info  timeout after 139 ms"
    assert (counted.lines, shown.lines) == (False, True)


def test_only_so_many_lines_are_shown_and_they_are_the_newest() -> None:
    lines = [a_line(f"line {number}", at(number)) for number in range(SHOWN_LINES + 10)]
    shown = as_sections("Logs", search(lines, None, str))[-1].text.splitlines()
    assert (len(shown), shown[-1].endswith(f"line {SHOWN_LINES + 9}")) == (SHOWN_LINES, True)


def test_a_service_is_named_where_there_are_several() -> None:
    found = search([a_line("hello", service="s-backend")], None, str)
    assert as_sections("Logs", found, {"s-backend": "backend"})[-1].text == "2026-01-05 12:00:00 backend info  hello"


def test_no_lines_are_no_secret() -> None:
    (section,) = as_sections("Logs", search([], None, str))
    assert (section.text, section.lines) == ("no lines", False)


def test_only_the_newest_are_counted_and_that_is_said() -> None:
    lines = [a_line("x", at(number)) for number in range(2 * MOST_COUNTED)]
    counted, _ = as_sections("Logs", search(lines, None, str))
    assert counted.title == f"Logs, the last {MOST_COUNTED} counted"
    assert counted.text.startswith(f"{MOST_COUNTED:>5}x")


def counted_in_public(*messages: str) -> str | None:
    lines = [a_line(message, at(number)) for number, message in enumerate(messages)]
    return as_sections("Logs", search(lines, None, str))[0].public


def test_in_public_only_what_was_said_three_times_is_shown() -> None:
    text = counted_in_public(*["no such user"] * 3, *["maria paid"] * 2, "bye")
    assert text == "    3x info  no such user  (2026-01-05 12:00:00 to 12:00:02)\nand 3 lines of other kinds"


def test_in_public_nothing_is_shown_of_lines_that_are_all_different() -> None:
    assert counted_in_public("maria paid", "tom left") == "2 lines of other kinds"


def test_in_public_nothing_is_left_over_where_all_is_common() -> None:
    assert counted_in_public(*["no such user"] * 3) == "    3x info  no such user  (2026-01-05 12:00:00 to 12:00:02)"


@given(st.lists(st.text(max_size=40), max_size=20), st.text(max_size=40), st.booleans())
def test_searching_never_raises(texts: list[str], topic: str, exactly: bool) -> None:  # noqa: FBT001 # generated
    lines = [a_line(text, at(number)) for number, text in enumerate(texts)]
    found = search(lines, topic, str, exactly=exactly)
    assert found.fitting <= len(lines)
    as_sections("Logs", found)
