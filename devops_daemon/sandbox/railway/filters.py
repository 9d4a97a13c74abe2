"""Railway's filter syntax, as much of it as is used: words, phrases, attributes, and `-` in front of any."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_TERM = re.compile(r'(?P<minus>-)?(?:@(?P<name>[\w.]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>\S+))')
_RANGE = re.compile(r"(?P<low>[\d.]+)\.\.(?P<high>[\d.]+)")
_COMPARED = re.compile(r"(?P<sign>>=|<=|>|<)(?P<number>\d+(?:\.\d+)?)")
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": float.__ge__,
    "<=": float.__le__,
    ">": float.__gt__,
    "<": float.__lt__,
}


@dataclass(frozen=True, slots=True)
class _Term:
    """A condition: a text that stands in the row, or a value that one of its attributes has."""

    text: str
    attribute: str | None
    is_negated: bool

    def fits(self, text: str, attributes: Mapping[str, str]) -> bool:
        """Say whether a row fits."""
        if self.attribute is None:
            return (self.text.lower() in text.lower()) is not self.is_negated
        return _has(attributes.get(self.attribute, ""), self.text) is not self.is_negated


@dataclass(frozen=True, slots=True)
class Filter:
    """All of these conditions; none at all fits everything."""

    terms: tuple[_Term, ...]

    def fits(self, text: str, attributes: Mapping[str, str]) -> bool:
        """Say whether a row of this text and these attributes is wanted."""
        return all(term.fits(text, attributes) for term in self.terms)


def read_filter(text: str | None) -> Filter:
    """Read a filter; `AND` between terms is what they mean anyway."""
    return Filter(tuple(_term(found) for found in _TERM.finditer(text or "") if found["word"] != "AND"))


def _term(found: re.Match[str]) -> _Term:
    return _Term(found["word"] if found["phrase"] is None else found["phrase"], found["name"], bool(found["minus"]))


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
