"""Keep secrets out of text: the values that the settings name, and what is shaped like a token.

Sources of the shapes: the makers' prefixes and webhook addresses, RFC 7519 (JWT), RFC 7468 (PEM), RFC 3986 section
3.2.1 (userinfo), RFC 6265 section 4 (cookies), RFC 9110 section 11 (credentials). Every pattern is linear: it begins
where a word begins, and its repetitions are bounded or consume what they have read.
"""

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

MASK = "[redacted]"
DEEPEST = 12
_SHORTEST_PIECE = 4

_SHAPES = re.compile(
    r"""
      (?<![A-Za-z0-9_-]) (?:
          gh[pousr]_[A-Za-z0-9]{16,}                                  # GitHub
        | github_pat_[A-Za-z0-9_]{20,}
        | glpat-[A-Za-z0-9_-]{16,}                                    # GitLab
        | sk[-_](?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{16,}          # OpenAI, Anthropic, Stripe
        | [rp]k_(?:live|test)_[A-Za-z0-9]{16,}
        | xox[abeoprs]-[A-Za-z0-9-]{10,}                              # Slack
        | (?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])                    # AWS
        | AIza[A-Za-z0-9_-]{35}                                       # Google
        | (?:npm|hf)_[A-Za-z0-9]{30,}                                 # npm, Hugging Face
        | whsec_[A-Za-z0-9+/=]{16,}                                   # Stripe, Svix: signs webhooks
        | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}                  # SendGrid
        | dckr_[po]at_[A-Za-z0-9_-]{20,}                              # Docker
        | (?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}
        | (?<=/api/webhooks/)[0-9]{15,21}/[A-Za-z0-9_-]{40,}          # Discord
        | pypi-[A-Za-z0-9_-]{30,}
        | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*     # JWT
      )
    | -----BEGIN[ ][A-Z ]{0,30}PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]{0,30}PRIVATE[ ]KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
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
          | \bbasic\s{1,3} (?=[A-Za-z0-9+/]{0,200}[0-9=]) (?=[A-Za-z0-9+/]{6,}={0,2}(?![\w.+/=-])) )
        (?!\[redacted\]) [^\s"',;<>)}\]]{4,}""",
    re.IGNORECASE | re.VERBOSE,
)
_COOKIE = r"""[^\s=;"'\\]{1,200} = (?: "[^"\r\n]{0,1000}" | [^\s;"'\\]* )"""
_COOKIES = re.compile(
    rf"""(?P<keep> \bcookie (?:\\{{0,4}}["'])? \s{{0,3}} [=:] \s{{0,3}} (?:\\{{0,4}}["'])? )
         (?!\[redacted\]) {_COOKIE} (?: ;[ ]? {_COOKIE} )*""",
    re.IGNORECASE | re.VERBOSE,
)
_RULES = (
    (("://",), _USERINFO, rf"\g<keep>{MASK}@"),
    (("cook",), _COOKIES, rf"\g<keep>{MASK}"),
    (("author", "bearer", "bas"), _CREDENTIALS, rf"\g<keep>{MASK}"),
    (("passw", "passp", "pwd", "secret", "token", "key", "amz-s"), _NAMED, rf"\g<keep>\g<quote>{MASK}"),
)
"""A pattern is tried where the folded text has one of its clues: most lines have none, and that is cheap to see. No
clue has an "i": there are letters that `re.IGNORECASE` takes for it and `casefold` does not."""


class Redactor:
    """Masks what must not be read; made once from the secret values of the settings."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        whole = {secret for secret in secrets if secret}
        pieces = whole | {line for secret in whole for line in secret.splitlines() if len(line) >= _SHORTEST_PIECE}
        longest_first = sorted(pieces, key=lambda piece: (-len(piece), piece))
        known = {_however_written(piece): _clue(piece) for piece in longest_first}
        known |= {re.escape(form): _clue(form) for piece in longest_first for form in _in_base64(piece)}
        self._known = tuple(known.items())

    def text(self, text: str) -> str:
        """Mask every secret in `text`; masking twice changes nothing more."""
        known = self._known_in(text)
        if known is not None:
            text = known.sub(MASK, text)
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
        patterns = [pattern for pattern, clue in self._known if clue in text]
        return re.compile("|".join(patterns)) if patterns else None


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
