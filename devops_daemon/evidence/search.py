"""What the logs say: redacted, searched by words, counted by template, the newest last. Pure.

Secrets are out of the lines before anything else is done: a template would tear one apart, and hide the rest of it,
and a search would tell, guess by guess, what one is.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from devops_daemon.clusters import Cluster, cluster
from devops_daemon.hosting import LogLine
from devops_daemon.markdown import without_colours

SHOWN_CLUSTERS = 15
LONGEST_SHOWN = 2000
LONGEST_READ = 2**15
"""What is behind these letters of a line is neither searched nor shown."""
MOST_READ = 1_500_000
"""Letters of all lines together that are read at most, the newest: 0.3 ms for a thousand."""
MOST_COUNTED = 500
"""Lines that are compared with each other at most, the newest."""
COMMON = 3
"""What was said so often may be shown where no line may."""
_WORD = re.compile(r"[\w.@-]{2,60}")
_NAME_BESIDE = re.compile(r"^[^=\n]{0,200}=", re.MULTILINE)
_SHORTEST_PLURAL = 5
_FILLER = frozenset(
    {"the", "an", "any", "all", "and", "or", "of", "in", "on", "for", "with", "about", "from", "to", "my", "our"}
    | {"last", "latest", "recent", "new", "some", "is", "are", "there"}
)
_TROUBLE = frozenset({"error", "failure", "exception", "problem", "issue", "fail"})
_BAD = ("error", "exception", "fail", "fatal", "panic", "traceback", "critical")
_TOPICS: Mapping[str, tuple[str, ...]] = {
    "auth": (
        "auth",
        "login",
        "log in",
        "sign-in",
        "signin",
        "sign in",
        "password",
        "credential",
        "token",
        "jwt",
        "unauthorized",
        "forbidden",
        " 401",
        " 403",
    ),
    "database": (
        "database",
        "postgres",
        "mysql",
        "mongo",
        "redis",
        "sql",
        " db ",
        "db_",
        "connection pool",
        "deadlock",
        "too many connections",
    ),
    "memory": ("memory", "oom", "heap", "killed", "allocation"),
    "timeout": ("timeout", "timed out", "time-out", "deadline", "slow"),
    "payment": ("payment", "charge", "checkout", "stripe", "invoice"),
}
_NAMED_TOPICS = {
    "authentication": "auth", "authorization": "auth", "auth": "auth", "login": "auth", "logins": "auth",
    "sign-in": "auth", "signin": "auth", "password": "auth", "session": "auth",
    "database": "database", "db": "database", "postgres": "database", "sql": "database",
    "memory": "memory", "oom": "memory", "timeout": "timeout", "timeouts": "timeout", "slow": "timeout",
    "payment": "payment", "payments": "payment",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    lines: tuple[LogLine, ...]
    """The newest of those that fit, redacted, oldest first."""
    clusters: tuple[Cluster, ...]
    searched: int
    """How many lines were looked through."""
    fitting: int
    left_out: int = 0
    """Lines of which nobody knows what must not be read in them."""


def search(
    lines: Sequence[LogLine], topic: str | None, redact: Callable[[str], str], *, exactly: bool = False
) -> Found:
    """Find the lines that speak of a topic; all of them where there is none.

    `exactly` looks for the words as they are, a user's name has no synonyms; so does a topic that has no word.
    """
    topic = (topic or "").strip()
    fits = _exactly(topic) if exactly or not wanted(topic) else _loosely(topic)
    read = [replace(line, message=readable(line.message, redact)) for line in _newest(lines)]
    fitting = [line for line in read if fits(line, _searched(line, redact))] if topic else read
    return Found(tuple(fitting[-MOST_COUNTED:]), cluster(fitting[-MOST_COUNTED:]), len(read), len(fitting))


def _newest(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """Give as many of the newest lines as may be read, and always one."""
    room = MOST_READ
    for number, line in enumerate(reversed(lines)):
        room -= min(len(line.message) + sum(len(value) for _, value in line.attributes), 2 * LONGEST_READ)
        if room < 0:
            return lines[-max(number, 1) :]
    return lines


def readable(text: str, redact: Callable[[str], str]) -> str:
    """Mask what must not be read in a stranger's text; what is too long is cut."""
    told = redact(without_colours(text[:LONGEST_READ]))
    if len(text) <= LONGEST_READ:
        return told
    # At the place of the cut a secret may be there in part. A cut elsewhere has that elsewhere: both agree before it.
    other = redact(without_colours(text[: LONGEST_READ // 2]))
    return told[: next((at for at, (one, two) in enumerate(zip(told, other, strict=False)) if one != two), len(other))]


def _searched(line: LogLine, redact: Callable[[str], str]) -> str:
    """Give what of a line is searched, with the values beside it; their names stay out, but tell what is a secret."""
    beside = "\n".join(f"{name}={value}" for name, value in line.attributes if name != "level")
    values = _NAME_BESIDE.sub("", readable(beside, redact)) if beside else ""
    return f" {line.message} {values} ".lower()


_Fits = Callable[[LogLine, str], bool]


def _exactly(topic: str) -> _Fits:
    before, after = (r"(?<![\w-])" if topic[:1].isalnum() else "", r"(?![\w-])" if topic[-1:].isalnum() else "")
    pattern = re.compile(f"{before}{re.escape(topic.lower())}{after}")
    return lambda _, text: pattern.search(text) is not None


def _loosely(topic: str) -> _Fits:
    groups = wanted(topic)
    return lambda line, text: all(any(form in text for form in forms) or _is_bad(line, forms) for forms in groups)


def _is_bad(line: LogLine, forms: tuple[str, ...]) -> bool:
    return forms is _BAD and line.level in {"error", "fatal", "critical"}


def wanted(topic: str) -> list[tuple[str, ...]]:
    """Turn words into what a line must hold: of each group one form."""
    groups: list[tuple[str, ...]] = []
    for word in _WORD.findall(topic.lower()):
        if word in _FILLER:
            continue
        forms = _forms(word)
        if _TROUBLE & {*forms}:
            groups.append(_BAD)
        elif word in _NAMED_TOPICS:
            groups.append(_TOPICS[_NAMED_TOPICS[word]])
        else:
            groups.append(forms)
    return groups


def _forms(word: str) -> tuple[str, ...]:
    """Give a word as it is looked for: a plural without its ending, which finds both."""
    if len(word) < _SHORTEST_PLURAL or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return (word,)
    if word.endswith("ies"):
        return (word, f"{word[:-3]}y")
    return (word[: -2 if word.endswith(("sses", "shes", "ches", "xes")) else -1],)


def counted(clusters: Sequence[Cluster]) -> Iterable[str]:
    """Say what was said how often, the kinds in their order, a line each."""
    for each in clusters[:SHOWN_CLUSTERS]:
        span = f"{each.first_at:%Y-%m-%d %H:%M:%S} to {each.last_at:%H:%M:%S}" if each.count > 1 else ""
        yield f"{each.count:>5}x {each.level:<5} {each.template}  ({span or f'{each.first_at:%Y-%m-%d %H:%M:%S}'})"
    left = len(clusters) - SHOWN_CLUSTERS
    if left > 0:
        yield f"and {left} more kinds of line"


def common_only(clusters: Sequence[Cluster]) -> str:
    """Count what was said often; the template of what was said once is the line itself."""
    common = [each for each in clusters if each.count >= COMMON]
    rest = sum(each.count for each in clusters) - sum(each.count for each in common)
    others = f"{'and ' if common else ''}{rest} lines of other kinds" if rest else ""
    return "\n".join([*counted(common), *([others] if others else [])])


def line_of(line: LogLine, names: Mapping[str, str]) -> str:
    """Write a line with its time and level; `names` are the services' by id."""
    name = names.get(line.service_id or "")
    who = f"{name} " if name else ""
    return f"{line.at:%Y-%m-%d %H:%M:%S} {who}{line.level:<5} {_cut(line.message)}"


def _cut(message: str) -> str:
    """Leave out the middle of a long line: a traceback says at its end what it is about."""
    left_out = len(message) - LONGEST_SHOWN
    if left_out <= 0:
        return message
    half = LONGEST_SHOWN // 2
    return f"{message[:half]} \u2026 [{left_out} characters left out] \u2026 {message[-half:]}"
