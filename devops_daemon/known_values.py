"""Which values of a service's variables are secrets: by their names, and by what they are made of."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

_SECRET_WORDS = frozenset(
    """
    apikey cookie credential credentials jwt key keys license mnemonic otp pass passcode passphrase passwd password
    passwords pat pepper pin private privatekey pwd salt secret secrets seed signature signing token tokens
    """.split()  # noqa: SIM905 # as a list it would take a screen
)
_SECRET_PARTS = ("password", "passwd", "secret", "token", "apikey", "api_key", "passphrase", "credential")
_OF_A_SECRET = frozenset(
    """
    age algorithm algorithms audience count dir directory domain enabled endpoint env environment expiration expires
    expiresin expiry file format header host hostname hours id ids issuer length level limit lifetime max min minutes
    mode name names path port prefix provider region rounds seconds size timeout ttl type types uri url urls user
    username version
    """.split()  # noqa: SIM905 # the same
)
"""A name that ends so tells something of a secret, or where it is: its value decides."""
_IDENTITIES = frozenset(
    """
    author branch commit dir directory domain email env environment from host hostname id ids image level message model
    name path region sha slug tag user username version zone
    """.split()  # noqa: SIM905 # the same
)
"""What a variable so named holds is known to everybody who reads the logs."""
_SHORTEST_SECRET, _SHORTEST_WORD, _SHORTEST_UNNAMED = 4, 6, 8
_LONGEST_HARMLESS = 200
_LONGEST_READ = 2**16
_DEEPEST_VALUE = 6
_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ORDINARY = re.compile(r"[A-Za-z0-9._+:/=@*~<>()\[\]'\"%-]*")
_PLAIN = re.compile(
    r"""(?: [A-Z]?[a-z]{1,20} | [A-Z]{1,20} | [A-Z]?[a-z]{1,15}(?:[A-Z][a-z]{2,15}){1,3} ) [0-9]{0,3}
      | v?[0-9]{1,20}[A-Za-z%]{0,2} | [0-9a-f]{1,4}""",
    re.VERBOSE,
)
"""A word, also with a number behind it or in camel case; a number with its unit; a part of an IPv6 address."""
_URL = re.compile(
    r"""(?P<scheme>[a-z][a-z0-9+.-]{0,30})://(?:(?P<userinfo>[^\s/?\#]{1,1000})@)?
        (?P<host>[^\s/?\#@]{0,300})(?P<rest>[^\s]{0,4000})""",
    re.VERBOSE | re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?:\A|(?<=[\s;,&?]))([A-Za-z][\w.-]{0,60})\s{0,2}[=:]\s{0,2}(\"[^\"]{0,2000}\"|[^\s;,&=:][^\s;,&]{0,2000})"
)


def known_values(variables: Mapping[str, str | None]) -> list[str]:
    """Say which values of a service's variables must not be read in its logs, the longest first.

    Everything that may be a secret is: what is named like one, credentials in addresses, and what is neither a word, a
    number, a host, a path nor a list of these; to mask those would ruin the text.
    """
    found = {value for name, value in variables.items() if value for value in _secrets_in(name, value.strip(), 0)}
    return sorted(found, key=lambda value: (-len(value), value))


def _secrets_in(name: str, value: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST_VALUE or len(value) < _SHORTEST_SECRET:
        return
    if _is_named_secret(name) and _is_long_enough(value):
        yield value
    document = _document(value)
    if document is not None:
        yield from _secrets_in_document(name, document, depth + 1)
    elif "://" in value:
        yield from _secrets_in_url(value)
    elif "-----BEGIN" in value:
        yield from [value] if "PRIVATE KEY" in value else []
    elif "\n" in value:
        yield from _secrets_in_lines(name, value, depth + 1)
    else:
        yield from _secrets_in_text(name, value, depth + 1)


def _is_long_enough(secret: str) -> bool:
    """Tell whether to mask it would not ruin the text: words and numbers must be longer."""
    wordy = re.fullmatch(r"[A-Za-z]?[a-z]*|[A-Z]*|[0-9.]*", secret)
    return len(secret) >= (_SHORTEST_WORD if wordy else _SHORTEST_SECRET)


def _is_named_secret(name: str) -> bool:
    words = [word.lower() for word in _NAME_PARTS.findall(name)]
    if not words or words[-1] in _OF_A_SECRET or words[-2:] == ["public", "key"]:
        return False
    lower = name.lower()
    return (
        bool(_SECRET_WORDS & set(words)) or words[-1] in {"auth", "dsn"} or any(part in lower for part in _SECRET_PARTS)
    )


def _document(value: str) -> Any:  # noqa: ANN401 # JSON is anything
    """Read a JSON document, None where it is none."""
    if value[:1] not in {"{", "["} or len(value) > _LONGEST_READ:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _secrets_in_document(name: str, document: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 # the same
    if isinstance(document, str):
        yield from _secrets_in(name, document.strip(), depth)
    elif depth > _DEEPEST_VALUE:
        return
    elif isinstance(document, dict):
        for key, item in document.items():
            yield from _secrets_in_document(key, item, depth + 1)
    elif isinstance(document, list):
        for item in document:
            yield from _secrets_in_document(name, item, depth + 1)


def _secrets_in_url(value: str) -> Iterator[str]:
    """Give of each address with credentials the whole and the password, and what in its path or query is no word."""
    value = value[:_LONGEST_READ]
    chunks = re.split(r"[\s,]+", value) if value.count("://") > 1 else [value]
    for url in (url for chunk in chunks for url in _URL.finditer(chunk)):
        userinfo = url["userinfo"]
        if userinfo:
            user, colon, password = userinfo.partition(":")
            secret = password if colon else user
            yield url[0]
            yield from (form for form in (secret, unquote(secret)) if _is_long_enough(form))
        for part in re.split(r"[/?&;#=,]", url["rest"]):
            if len(part) >= _SHORTEST_UNNAMED and not _is_harmless(part) and not _is_identity(part):
                yield part


def _is_identity(part: str) -> bool:
    """Tell a UUID: in an address it names a thing."""
    return re.fullmatch(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", part) is not None


def _secrets_in_lines(name: str, value: str, depth: int) -> Iterator[str]:
    """Look at each line: a file of settings is not a secret because of one of them."""
    for line in value[:_LONGEST_READ].split("\n"):
        yield from _secrets_in(name, line.strip(), depth)


def _secrets_in_text(name: str, value: str, depth: int) -> Iterator[str]:
    pairs = _PAIR.findall(value[:_LONGEST_READ])
    if pairs and all(_is_harmless(key) for key, _ in pairs):
        for key, part in pairs:
            yield from _secrets_in(key, part.strip('"'), depth)
        return
    last = (_NAME_PARTS.findall(name.lower()) or [""])[-1]
    if last in _IDENTITIES or len(value) < _SHORTEST_UNNAMED:
        return
    parts = [part for part in re.split(r"[\s,;|]+", value) if part and not _is_harmless(part)]
    if parts:
        yield value
        yield from (part for part in parts if len(part) >= _SHORTEST_UNNAMED)


def _is_harmless(part: str) -> bool:
    """Tell what is made of words and numbers only: hosts, paths, versions, regions, options, times."""
    if len(part) > _LONGEST_HARMLESS or not _ORDINARY.fullmatch(part):
        return False
    return all(_PLAIN.fullmatch(piece) for piece in re.findall("[A-Za-z0-9]+", part))
