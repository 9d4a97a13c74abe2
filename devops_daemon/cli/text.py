"""What strangers wrote (log lines, commits, names, errors), made harmless for a terminal. Pure."""

import re
import unicodedata

from devops_daemon.redaction import Redactor

_COLOURS = re.compile(r"\x1b\[[0-9;:]{0,40}m")
"""What programs colour their log with; what else begins with an escape is no colour and is shown."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories of what acts on a terminal or turns text around: controls, formats, surrogates, separators."""


def harmless(text: str) -> str:
    """Write what a terminal would obey as its escape, on one line; a tab is a space."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written(letter) for letter in text.replace("\t", " "))


def one_line(text: str, redactor: Redactor) -> str:
    """Make one harmless line without secrets of what may be several."""
    return harmless(" ".join(_redacted(text, redactor).split("\n")).strip())


def complaint(text: str, redactor: Redactor) -> str:
    """Make harmless lines of what went wrong."""
    return "\n".join(one_line(line, redactor) for line in text.split("\n"))


def lines_of(text: str, redactor: Redactor) -> list[str]:
    """Make harmless lines without secrets; a secret that runs over several of them is masked in all."""
    return [harmless(line.rstrip("\r")) for line in _redacted(text, redactor).split("\n")]


def in_json(text: str) -> str:
    """Escape within a JSON document what a terminal would obey; it says the same."""
    return "".join(letter if letter == "\n" or not _is_unseen(letter) else _utf16(letter) for letter in text)


def _redacted(text: str, redactor: Redactor) -> str:
    # without its colours first: within a secret they would hide it
    return redactor.text(_COLOURS.sub("", text))


def _written(letter: str) -> str:
    return letter.encode("unicode_escape").decode() if _is_unseen(letter) else letter


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) in _UNSEEN


def _utf16(letter: str) -> str:
    octets = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{octets[at : at + 2].hex()}" for at in range(0, len(octets), 2))
