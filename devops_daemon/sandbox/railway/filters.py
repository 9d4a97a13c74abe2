"""Railway's filter syntax, as much of it as is used: words, phrases, attributes, `-` in front of any; AND, OR, ()."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

_TERM = re.compile(
    r'(?P<close>\))|(?P<minus>-)?(?:(?P<open>\()|(?:@(?P<name>[\w.]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s()]+)))'
)
_RANGE = re.compile(r"(?P<low>[\d.]+)\.\.(?P<high>[\d.]+)")
_COMPARED = re.compile(r"(?P<sign>>=|<=|>|<)(?P<number>\d+(?:\.\d+)?)")
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": float.__ge__,
    "<=": float.__le__,
    ">": float.__gt__,
    "<": float.__lt__,
}


class Filter(Protocol):
    """A condition."""

    def fits(self, text: str, attributes: Mapping[str, str]) -> bool:
        """Say whether a row of this text and these attributes is wanted."""


@dataclass(frozen=True, slots=True)
class _Term:
    """A text that stands in the row, or a value that one of its attributes has."""

    text: str
    attribute: str | None

    def fits(self, text: str, attributes: Mapping[str, str]) -> bool:
        if self.attribute is None:
            return self.text.lower() in text.lower()
        return _has(attributes.get(self.attribute, ""), self.text)


@dataclass(frozen=True, slots=True)
class _Not:
    condition: Filter

    def fits(self, text: str, attributes: Mapping[str, str]) -> bool:
        return not self.condition.fits(text, attributes)


@dataclass(frozen=True, slots=True)
class _All:
    """None at all fits everything."""

    conditions: tuple[Filter, ...]

    def fits(self, text: str, attributes: Mapping[str, str]) -> bool:
        return all(condition.fits(text, attributes) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class _Any:
    conditions: tuple[Filter, ...]

    def fits(self, text: str, attributes: Mapping[str, str]) -> bool:
        return any(condition.fits(text, attributes) for condition in self.conditions)


def read_filter(text: str | None) -> Filter:
    """Read a filter; `AND` between terms is what they mean anyway."""
    return _any(deque(_TERM.finditer(text or "")))


def _any(terms: deque[re.Match[str]]) -> Filter:
    """Read up to the end, or to the bracket that closes."""
    choices = [_all(terms)]
    while terms and not terms[0]["close"]:
        terms.popleft()  # the OR
        choices.append(_all(terms))
    return _Any(tuple(choices))


def _all(terms: deque[re.Match[str]]) -> Filter:
    conditions = []
    while terms and not terms[0]["close"] and terms[0]["word"] != "OR":
        found = terms.popleft()
        if found["word"] != "AND":
            conditions.append(_condition(found, terms))
    return _All(tuple(conditions))


def _condition(found: re.Match[str], terms: deque[re.Match[str]]) -> Filter:
    condition: Filter
    if found["open"]:
        condition = _any(terms)
        if terms:
            terms.popleft()  # the bracket that closes
    else:
        condition = _Term(found["word"] if found["phrase"] is None else found["phrase"], found["name"])
    return _Not(condition) if found["minus"] else condition


def _has(value: str, wanted: str) -> bool:
    span, compared = _RANGE.fullmatch(wanted), _COMPARED.fullmatch(wanted)
    try:
        if span:
            return float(span["low"]) <= float(value) <= float(span["high"])
        if compared:
            return _SIGNS[compared["sign"]](float(value), float(compared["number"]))
    except ValueError:
        return False
    return value.lower() == wanted.lower()
