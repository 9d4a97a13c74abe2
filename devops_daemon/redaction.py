"""Keep secrets out of text: the values that the settings name, and what is shaped like a token.

Sources of the rules: RFC 3986 section 3.2.1 (userinfo), RFC 6265 section 4 (cookies), RFC 9110 section 11
(credentials). Every pattern is linear: it begins where a word begins, and its repetitions are bounded or consume what
they have read.
"""

import base64
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import quote

from devops_daemon.token_shapes import REST, SHAPES, WORD

MASK = "[redacted]"
DEEPEST = 12
_SHORTEST_PIECE = 4
_GRAM = 4
_MANY = 350
"""From so many ways of writing secrets on, to look for their beginnings is cheaper than to look for each."""


def _all_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Give one pattern that looks at the first letter once: seventy in a row would cost twice as much."""
    by_letter: dict[str, list[str]] = defaultdict(list)
    for pattern in patterns:
        by_letter[pattern[0]].append(pattern[1:])
    letters = "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
    return re.compile(f"(?<!{WORD})(?:{letters}){REST}")


_SHAPES = _all_of(shape.pattern for shape in SHAPES if not shape.clue)
_CLUED = tuple((shape.clue, re.compile(f"(?:{shape.pattern}){REST}", re.DOTALL)) for shape in SHAPES if shape.clue)
_USERINFO = re.compile(
    r"""(?P<keep>(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://)
        (?: [^\s/?\#"'<>:@]{0,200} : [^\s/?\#]{0,500} | [^\s/?\#"'<>]{1,500} ) @""",
    re.IGNORECASE | re.VERBOSE,
)
_VALUE = r"""
    (?: (?P<quote>\\{0,4}["']) (?!\[redacted\]) (?:(?!(?P=quote))(?:[^\\]|\\.)){1,4000}
      | (?!\[redacted\]) [^\s"'&,;<>)}\]]{4,} )
"""
_NAMED = re.compile(
    r"""(?P<keep> (?<![A-Za-z0-9_.-]) [A-Za-z0-9_.-]{0,40}?
          (?:pass(?:word|wd|phrase)|pwd|secret|token|(?:api|access|private|account|signing|encryption)[-_]?key
            |x-amz-signature)
          [A-Za-z0-9_-]{0,40} (?:\\{0,4}["'])? \s{0,3} [=:] \s{0,3} )"""
    + _VALUE,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CREDENTIALS = re.compile(
    r"""(?P<keep> \bauthorization ["']? \s{0,3} [=:] \s{0,3} ["']? (?:[a-z]{1,20}\s{1,3})?
          | \bbearer\s{1,3} (?=[^\s"',]{0,200}[0-9]|[^\s"',]{24})
          | \bbasic\s{1,3} (?=[A-Za-z0-9+/]{0,200}[0-9=]) (?=[A-Za-z0-9+/]{6,}={0,2}(?![\w.+/=\[-])) )
        (?!\[redacted\]) [^\s"',;<>)}\]]{4,}""",
    re.IGNORECASE | re.VERBOSE,
)
_COOKIE = r"""[^\s=;"'\\]{1,200} = (?: "[^"\r\n]{0,1000}" | [^\s;"'\\]* )"""
_COOKIES = re.compile(
    rf"""(?P<keep> \bcookie (?:\\{{0,4}}["'])? \s{{0,3}} [=:] \s{{0,3}} (?:\\{{0,4}}["'])? )
         (?!\[redacted\]) {_COOKIE} (?: ;[ ]? {_COOKIE} )*""",
    re.IGNORECASE | re.VERBOSE,
)
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_RULES = (
    (("://",), _USERINFO, rf"\g<keep>{MASK}@"),
    (("cook",), _COOKIES, rf"\g<keep>{MASK}"),
    (("author", "bearer", "bas"), _CREDENTIALS, rf"\g<keep>{MASK}"),
    (("passw", "passp", "pwd", "secret", "token", "key", "amz-s"), _NAMED, rf"\g<keep>\g<quote>{MASK}"),
)
"""A pattern is tried where the folded text has one of its clues: most lines have none, and that is cheap to see. No
clue has an "i": there are letters that `re.IGNORECASE` takes for it and `casefold` does not."""


class _Known(NamedTuple):
    """A secret in one of the ways in which it may be written."""

    order: int
    """The longest are looked for first."""
    clue: str
    pattern: str


class Redactor:
    """Masks what must not be read; made once from the secret values of the settings."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        whole = {secret for secret in secrets if secret}
        pieces = whole | {line for secret in whole for line in secret.splitlines() if len(line) >= _SHORTEST_PIECE}
        longest_first = sorted(pieces, key=lambda piece: (-len(piece), piece))
        known = {_however_written(piece): _clue(piece) for piece in longest_first}
        known |= {re.escape(form): _clue(form) for piece in longest_first for form in _in_base64(piece)}
        self._known = tuple(_Known(order, clue, pattern) for order, (pattern, clue) in enumerate(known.items()))
        many = len(self._known) > _MANY
        self._unsorted = tuple(one for one in self._known if len(one.clue) < _GRAM) if many else self._known
        self._by_gram: dict[str, list[_Known]] = defaultdict(list)
        for one in self._known if many else ():
            if len(one.clue) >= _GRAM:
                self._by_gram[one.clue[:_GRAM]].append(one)

    def text(self, text: str) -> str:
        """Mask every secret in `text`; masking twice changes nothing more."""
        known = self._known_in(text)
        if known is not None:
            text = known.sub(MASK, text)
        # These first, and of these private keys: their dashes would belong to a token right before them.
        for clue, pattern in _CLUED:
            if clue in text:
                text = pattern.sub(MASK, text)
        text = _SHAPES.sub(MASK, text)
        folded = text.casefold()
        for clues, pattern, masked in _RULES:
            if any(clue in folded for clue in clues):
                text = pattern.sub(masked, text)
        return text

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 # log fields are anything
        """Mask every string within mappings and sequences; what is no plain value becomes text."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value)
        if depth < DEEPEST and isinstance(value, Mapping):
            return {self.text(_written(key)): self.value(item, depth + 1) for key, item in value.items()}
        if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth + 1) for item in value]
        return self.text(_written(value))

    def _number(self, number: Any) -> Any:  # noqa: ANN401 # an int or a float
        if isinstance(number, float) and not math.isfinite(number):
            return str(number)
        written = _written(number)
        known = self._known_in(written)
        return MASK if known is not None and known.search(written) else number

    def _known_in(self, text: str) -> re.Pattern[str] | None:
        """Give a pattern for the secrets whose clues are in a text: of sixty, seldom more than one."""
        found = [one for one in self._possible(text) if one.clue in text]
        return re.compile("|".join(one.pattern for one in sorted(found))) if found else None

    def _possible(self, text: str) -> Iterable["_Known"]:
        """Leave out most of many secrets at once: what it costs grows with the text, not with their number."""
        if not self._by_gram:
            return self._unsorted
        grams = {text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)}
        return chain(self._unsorted, *(self._by_gram[gram] for gram in grams & self._by_gram.keys()))


def without_emails(text: str) -> str:
    """Mask addresses of people: for what is published, not for logs."""
    return _EMAIL.sub(MASK, text) if "@" in text else text


def _written(value: object) -> str:
    """Write anything as text; what cannot be written is named by its type."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 # whatever a stranger's __str__ raises, the line must not be lost
        return f"<{type(value).__name__} that cannot be written>"


def _clue(secret: str) -> str:
    """Give the longest part of a secret that is the same however it is written; to find it is far cheaper."""
    return max(re.findall(r"[A-Za-z0-9]+", secret), key=len, default="")


def _however_written(secret: str) -> str:
    """Give a pattern for a secret as it is, and as URLs, forms, JSON and Python write it."""
    return "".join(_letter(letter) for letter in secret)


@lru_cache(maxsize=2048)
def _letter(letter: str) -> str:
    if letter.isalnum() and letter.isascii():
        return letter
    octets = letter.encode("utf-8", "surrogatepass")
    in_url = "".join(f"%{octet:02X}" for octet in octets)
    forms = {
        letter,
        in_url,
        in_url.lower(),
        quote(octets, safe=""),
        json.dumps(letter)[1:-1],
        json.dumps(letter, ensure_ascii=False)[1:-1],
        repr(letter)[1:-1],
        repr(octets)[2:-1],
        f"\\{letter}",
    }
    forms |= {"+"} if letter == " " else set()
    return f"(?:{'|'.join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))})"


def _in_base64(secret: str) -> Iterator[str]:
    """Give the letters that a secret becomes within base64 at each of its three places, without those at the ends."""
    octets = secret.encode("utf-8", "surrogatepass")
    for before, start in enumerate((0, 2, 3)):
        encoded = base64.b64encode(b"\0" * before + octets).decode()
        inner = encoded[start : 8 * (before + len(octets)) // 6]
        if len(inner) >= _SHORTEST_PIECE:
            yield inner
            yield inner.translate(str.maketrans("+/", "-_"))
