"""What strangers wrote, as the command line shows it."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from devops_daemon.cli.text import complaint, harmless, in_json, lines_of, one_line
from devops_daemon.redaction import MASK, Redactor

SECRET = "s3cret-value-of-ours"
OURS = Redactor([SECRET])


def acts_on_a_terminal(text: str) -> bool:
    return any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in text)


@given(st.text())
def test_nothing_that_is_shown_acts_on_a_terminal(text: str) -> None:
    assert not acts_on_a_terminal(harmless(text))
    assert not acts_on_a_terminal(one_line(text, OURS))
    assert not any(acts_on_a_terminal(line) for line in lines_of(text, OURS))


@given(st.text())
def test_a_document_says_the_same_with_escapes(text: str) -> None:
    written = in_json(json.dumps({"text": text}, ensure_ascii=False, indent=2))
    assert json.loads(written) == {"text": text}
    assert not acts_on_a_terminal(written.replace("\n", ""))


def test_ordinary_text_stays_as_it_is() -> None:
    assert harmless("GET /größe 200 → 12 ms [ok] :-)") == "GET /größe 200 → 12 ms [ok] :-)"


def test_colours_go_and_other_escapes_are_shown() -> None:
    assert one_line("\x1b[1;31mred\x1b[0m \x1b[2Jgone\t\u202eback", OURS) == r"red \x1b[2Jgone \u202eback"


def test_a_secret_with_colours_in_it_is_masked() -> None:
    assert one_line(f"it is {SECRET[:5]}\x1b[1m{SECRET[5:]}!", OURS) == f"it is {MASK}!"


def test_each_line_is_one_and_a_return_hides_none() -> None:
    assert lines_of("first\r\nsec\rond\n", OURS) == ["first", r"sec\rond", ""]


def test_a_complaint_keeps_its_lines_and_no_secret() -> None:
    assert complaint(f"first {SECRET}\nsecond", OURS) == f"first {MASK}\nsecond"
