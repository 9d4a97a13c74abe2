"""Log lines as templates with counts: what a service says, and how often, on one screen.

Numbers, addresses and identifiers become `<NUM>`, `<IP>`, `<ID>`; drain3 finds the words that vary besides and puts
`<*>` in their place (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017). Status
codes, exceptions and words of failure never vary: they tell lines apart. Lines are from strangers: what is read of one
is bounded, and so is what drain3 compares it with.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devops_daemon.hosting import LogLine

_MOST_READ = 2**14
_LONGEST_PART = 300
_LONGEST_TEMPLATE = 800
_MOST_WORDS = 30
_MOST_COMPARED = 64
_ALIKE = 0.6
"""This share of the words must be equal, in lines with as many words."""
_WILDCARD = "\0"
"""No line has it when drain3 sees it; a line may well have `<*>`."""
_INFO = 1
_RANKS = {
    **dict.fromkeys(("trace", "debug"), 0),
    **dict.fromkeys(("notice", "info"), _INFO),
    **dict.fromkeys(("warn", "warning"), 2),
    **dict.fromkeys(("error", "err"), 3),
    **dict.fromkeys(("critical", "crit", "fatal", "panic", "alert", "emerg"), 4),
}

_UNSEEN = re.compile(
    r"\x1b\[[0-9;?]{0,20}[A-Za-z]|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)
_PYTHON = "Traceback (most recent call last):"
_AFTER_FRAMES = re.compile(r"^(?: *[|+] ?)?(\S.*)", re.MULTILINE)
"""The first line that is not indented, be it with what Python draws beside the exceptions of a group."""
_FRAME = re.compile(r"\n[ \t]{1,8}at \S")
"""How Node and Java write one."""
_CAUSE = "\nCaused by: "

_CODE = r"""HTTP/\d(?:\.\d)?"?\ \d{3}(?!\d) | (?:[Ss]tatus|[Cc]ode|errno|signal)["']?[ :=]{1,3}\d{1,3}(?![\d.])"""
_TIME = r"""\d{4}-\d\d-\d\d (?: [T ]\d\d:\d\d (?: :\d\d(?:[.,]\d{1,9})? )? (?: \ ?(?:Z|UTC|[+-]\d\d:?\d\d)\b )? )?
          | \d\d/[A-Z][a-z]{2}/\d{4} (?: :\d\d:\d\d:\d\d (?: \ [+-]\d{4} )? )?
          | \d\d:\d\d:\d\d (?: [.,]\d{1,9} )?"""
_OPENING_TIME = re.compile(rf"\A [\[(]? (?:{_TIME}) [\])]? [ :|-]{{1,3}}", re.ASCII | re.VERBOSE)
_VARIABLE = re.compile(
    rf"""
      (?P<kept> {_CODE} )
    | (?<![A-Za-z0-9]) (?=[A-Za-z0-9]|(?<!:):) (?=[A-Za-z:._%+-]{{0,64}}[0-9@]) (?:
        (?P<TIME> {_TIME} ) (?![A-Za-z0-9])
      | (?P<EMAIL> [A-Za-z0-9._%+-]{{1,64}}@[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{1,8}} )
      | (?P<UUID> [0-9A-Fa-f]{{8}}-(?:[0-9A-Fa-f]{{4}}-){{3}}[0-9A-Fa-f]{{12}} ) (?![A-Za-z0-9])
      | (?P<IP> \d{{1,3}}(?:\.\d{{1,3}}){{3}} (?!\.?\w)
              | (?=[A-Fa-f:]{{0,40}}\d) (?:[0-9A-Fa-f]{{0,4}}:){{2,7}}[0-9A-Fa-f]{{0,4}} (?![\w:]) )
      | (?P<HEX> (?: 0x[0-9A-Fa-f]+ | (?=\d*[A-Fa-f]) (?=[A-Fa-f]*\d) [0-9A-Fa-f]{{7,}} ) (?![A-Za-z0-9]) )
      | (?P<ID> (?=[A-Za-z]*\d) (?=\d*[A-Za-z]) [A-Za-z0-9]{{16,}} )
      | (?P<DURATION> (?:\d{{1,9}}(?:\.\d{{1,9}})?(?:h|ms|m|s|[un\u00b5]s)){{2,8}} (?![A-Za-z0-9]) )
      | (?P<NUM> \d+(?:[.,]\d+)* ) (?= [A-Za-z\u00b5]{{0,3}}(?![A-Za-z0-9]) )
    )
    """,
    re.ASCII | re.VERBOSE,
)
_TELLING = re.compile(
    rf"""{_CODE} | (?<![\w.$])[\w.$]{{0,60}}?(?:error|exception) | (?-i:\bE[A-Z]{{4,}}\b)
      | \b(?: fail | refus | reject | denied | clos | lost | timed?\ ?out | time-out | kill | panic | crash | missing
            | not\ found | unavailable | invalid | expired | exceed | retry | succe )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The lines of one template: how many, from when to when, their worst level, the first of them whole."""

    template: str
    count: int
    first_at: datetime
    last_at: datetime
    level: str
    sample: str


def cluster(lines: Sequence[LogLine]) -> tuple[Cluster, ...]:
    """Group lines by template, the most frequent first, then the earliest; in whichever order the lines come."""
    # drain3 brings jsonpickle and configparser: 0.8 MB and 12 ms, needed only for evidence.
    from drain3.drain import Drain  # type: ignore[import-untyped] # noqa: PLC0415 # it has no types

    readable: dict[str, list[LogLine]] = defaultdict(list)
    for line in lines:
        readable[_masked(_headline(line.message))].append(line)
    drain = Drain(
        sim_th=_ALIKE,
        max_children=len(readable) + 2,
        max_clusters=_MOST_COMPARED,
        param_str=_WILDCARD,
        parametrize_numeric_tokens=False,
    )
    # Drain's answer depends on the order of what it reads: a fixed one, in which what it may compare stands together.
    ordered = sorted((_telling(text), text.count(" "), text) for text in readable)
    found = [(drain.add_log_message(f"{telling} {text}")[0], readable[text]) for telling, _, text in ordered]
    templates: dict[str, list[LogLine]] = defaultdict(list)
    for log_cluster, its_lines in found:
        template: str = " ".join(log_cluster.log_template_tokens[1:])
        templates[template.replace(_WILDCARD, "<*>")] += its_lines
    clusters = (_summed(template, its_lines) for template, its_lines in templates.items())
    return tuple(sorted(clusters, key=lambda one: (-one.count, one.first_at, one.template)))


def _summed(template: str, lines: Sequence[LogLine]) -> Cluster:
    first = min(lines, key=lambda line: (line.at, line.message))
    last_at = max(line.at for line in lines)
    worst = max((line.level for line in lines), key=lambda level: (_RANKS.get(level.lower(), _INFO), level))
    return Cluster(template, len(lines), first.at, last_at, worst, first.message)


# What identifies a message


def _headline(message: str) -> str:
    """Give the first line of a message and, of a traceback, the line that names the exception."""
    message = message.strip()
    if len(message) > 2 * _MOST_READ:
        message = f"{message[:_MOST_READ]}\n    {message[-_MOST_READ:]}"
    if message.startswith("{"):
        message = _said_in_json(message).strip()
    first = _first_line(message)
    culprit = _culprit(message)
    if not culprit or culprit == first:
        return first
    return culprit if _PYTHON in first else f"{first} \u2026 {culprit}"


def _culprit(message: str) -> str:
    """Name the exception: Python's last, Java's last cause, Node's; nothing where there is no traceback."""
    if "\n" not in message:
        return ""
    _, python, after = message.rpartition(_PYTHON)
    if python:
        named = _AFTER_FRAMES.search(after.partition("\n")[2])
        return _first_line(named[1]) if named else ""
    frame = _FRAME.search(message)
    if frame is None:
        return ""
    _, caused, cause = message.rpartition(_CAUSE)
    return _first_line(caused + cause) if caused else _first_line(message[: frame.start()].rpartition("\n")[2])


def _first_line(text: str) -> str:
    return text.lstrip().partition("\n")[0][:_LONGEST_PART].strip()


def _said_in_json(message: str) -> str:
    """Give what a structured message says, with its traceback; the message itself where that is not plain."""
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError):
        return message
    said = _text_of(fields, "message", "msg", "event") or _text_of(fields, "error", "err")
    traceback = _text_of(fields, "exception", "exc_info", "stack_trace", "stack") or _text_of(
        fields.get("err"), "stack"
    )
    return f"{said}\n{traceback}" if said else message


def _text_of(fields: Any, *names: str) -> str:  # noqa: ANN401 # JSON is anything
    if not isinstance(fields, dict):
        return ""
    return next((value for name in names if isinstance(value := fields.get(name), str) and value.strip()), "")


# How it is read by people, and by drain3


def _masked(headline: str) -> str:
    """Put the kinds of what varies in its place; one line of bounded length, with nothing unseen in it."""
    text = _UNSEEN.sub(" ", headline).strip()
    text = _VARIABLE.sub(_kind, _OPENING_TIME.sub("", text))
    words = text.split()
    text = " ".join(words[:_MOST_WORDS])
    whole = len(words) <= _MOST_WORDS and len(text) <= _LONGEST_TEMPLATE
    return (text if whole else f"{text[:_LONGEST_TEMPLATE]}\u2026") or "(empty)"


def _kind(found: re.Match[str]) -> str:
    return found[0] if found.lastgroup == "kept" else f"<{found.lastgroup}>"


def _telling(text: str) -> str:
    """Give what must be equal in all lines of a template, as one word."""
    return "|".join("".join(found.split()) for found in _TELLING.findall(text)) or "-"
