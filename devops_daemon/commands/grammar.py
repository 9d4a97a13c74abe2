"""What a comment asks for, read from its prose.

A mention asks for what follows it on its line; where nothing follows, for what stands before it, or for the next line.
What only reads is understood loosely; what acts must be the whole of what is said. Of one comment `MOST` are read; what
it asks beyond that is one `Unclear` at the end, with what to type.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice

from devops_daemon.commands.catalogue import COMMANDS, Command, Name
from devops_daemon.markdown import GAP, prose

MOST = 3
LONGEST_WORDS = 200
LONGEST_TOPIC = 100
ALL = "all"
_NEAREST = 3
_MOST_HEARD = 30
"""Mentions in one comment that are looked at."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One command, with what it was given."""

    name: Name
    service: str | None = None
    topic: str | None = None
    """What the logs are to be searched for."""
    user: str | None = None
    number: int | None = None
    incident: str | None = None
    level: str | None = None
    """How bad an incident is to be: `SEV1`, `SEV2` or `SEV3`."""
    time: str | None = None
    """For how long, as it is written."""
    kind: str | None = None
    """What is to be added: `database` or `service`."""
    title: str | None = None
    """A database's kind, or the name that a service is to have."""
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Variables that are to be set; a comment cannot say so."""
    confirmed: bool = False
    last: int | None = None
    """So many lines of a log are wanted; a comment cannot say so."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nothing that can be asked: what it said, and the nearest that can, as it is typed."""

    words: str
    nearest: tuple[str, ...]


Asked = Ask | Unclear

_MENTION = re.compile(r"(?<![\w@.+/:\\-])@[Dd][Ee][Vv][Oo][Pp][Ss](?![\w@/\\+-]|\.\w|['\u2019]\w)")
"""Letter by letter: `re.IGNORECASE` would take a long s for one."""
_PLACE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?"
_EDGE = " \t.,;:!?-\u2013\u2014\u2026()" + GAP
_POLITE = r"""please | pls | plz | kindly | thx | cheers | thanks (?:\ a\ lot | \ in\ advance)? | thank\ you
             | (?:can|could|would|will)\ you | asap | now"""
_OPENING = re.compile(
    rf"\s*(?: {_POLITE} | hey | hi | hello | ok | okay ) (?![\w'\u2019-]) [\s,.!:;-]*", re.IGNORECASE | re.VERBOSE
)
_ENDING = re.compile(rf"(?<![\w'\u2019-]) (?: {_POLITE} ) [\s,.!?:;)\u2026-]*\Z", re.IGNORECASE | re.VERBOSE)
_ASKS_TO = re.compile(r"(?<!\w)(?:can|could|would|will) you\s", re.IGNORECASE)
_GOES_ON = re.compile(
    r"""\W{0,9}(?: if | when | whenever | unless | only | but | and | or | after | before | once | until | till | then
                 | not | except | while | in | at | instead | as\ soon )\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""A next line that begins so takes back, or puts off, what the line above says."""
_THANKS = re.compile(r"\W*(?:many )?(?:thanks|thank you|thx)(?: \w+)? for\b", re.IGNORECASE)
_TOLD_BEFORE = re.compile(
    r"""\b(?:by|from|to|for|of|with|the|via|and|or|than|like|as|an?|our|that|ask|asked|tell|told|use|using|let|call)
        \W{0,9}\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_TOLD_AFTER = re.compile(
    r"""\W{0,9}(?:is|was|has|had|did|does|will|would|should|may|might|must|can|cannot|can't|already|says|said|reports
              |reported|checks|checked|found|saw|posted|opened|closed|answered|restarted|responded|replied)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""What stands around a mention that speaks of us to others."""


def read(body: str) -> tuple[Asked, ...]:
    """Read what a comment asks of the daemon, in its order; nothing where it asks nothing."""
    if "@devops" not in body.lower():
        return ()
    heard = islice(_heard(prose(body, names=True)), _MOST_HEARD)
    understood = (_understood(each) for each in heard)
    asked = list(dict.fromkeys(one for one in understood if one is not None))
    return (*asked[:MOST], *_too_many(asked[MOST:]))


def typed(ask: Ask) -> str:
    """Write a command as it is typed, without the mention."""
    given = {
        "SERVICE": ask.service,
        "TEXT": ask.topic,
        "NAME": ask.user,
        "N": ask.number,
        "ID": ask.incident,
        "LEVEL": ask.level,
        "TIME": ask.time,
        "KIND": ask.kind,
        "TITLE": ask.title,
        "confirm": "confirm" if ask.confirmed else None,
    }

    def filled(usage: str) -> str:
        return re.sub(rf"\b(?:{'|'.join(given)})\b", lambda found: str(given[found[0]] or found[0]), usage)

    def optional(found: re.Match[str]) -> str:
        return filled(found[2]) if any(given.get(word) for word in found[2].split()) else ""

    usage = COMMANDS[ask.name].usage
    if ask.service is None and ask.name in {Name.LOGS, Name.BUILD_LOGS}:
        usage = usage.replace(" SERVICE", "")
    said = filled(re.sub(r"(?P<open> ?\[)([^\]]*)\]", lambda found: f" {optional(found)}".rstrip(), usage))
    return f"{said}: {', '.join(name for name, _ in ask.values)}" if ask.values else said


def _too_many(asked: Sequence[Asked]) -> Iterator[Unclear]:
    """Say what was not read, and how to ask for it."""
    if asked:
        said = "; ".join(typed(one) if isinstance(one, Ask) else one.words for one in asked)
        again = tuple(typed(one) for one in asked if isinstance(one, Ask))[:_NEAREST]
        yield Unclear(f"{said[:LONGEST_WORDS]} (more than {MOST} requests in one comment)", again or ("help",))


# What is said to us


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was said to us on one line, and how."""

    words: str
    begins: bool
    """The mention begins the line: it was said to us, not of us."""
    may_act: bool
    """Nothing beside it changes what it means."""


def _heard(lines: Sequence[str]) -> Iterator[_Heard]:
    """Find what each mention asks for."""
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        before, *said = _MENTION.split(line)
        if said:
            yield from _heard_on(before, said, after)


def _heard_on(before: str, said: Sequence[str], after: str) -> Iterator[_Heard]:
    spoken = [words for words in said if words.strip(_EDGE)]
    begins = not _without_politeness(before)
    may_act = len(said) == 1 and not _GOES_ON.match(after)
    if not begins and (_TOLD_BEFORE.search(before) or (spoken and _TOLD_AFTER.match(spoken[0]))):
        return
    if spoken:
        yield from (_Heard(words, begins, may_act and begins) for words in spoken)
    elif not begins:
        yield _Heard(before, begins=False, may_act=may_act)
    else:
        yield _Heard("" if _MENTION.search(after) else after, begins=not before.strip(), may_act=False)


def _without_politeness(text: str) -> str:
    """Leave out what is said for courtesy at both ends, and closing punctuation."""
    text = text.strip(" \t")
    while (opening := _OPENING.match(text)) and opening.end():
        text = text[opening.end() :]
    while (ending := _ENDING.search(text)) is not None:
        text = text[: ending.start()]
    return text.strip(" \t.,;:!?\u2026-")


def _understood(heard: _Heard) -> Asked | None:
    """Say what is asked for; None where it was only talk."""
    words = " ".join(heard.words.split())
    if _THANKS.match(words) or (words and not _without_politeness(words)):
        return None
    act = _act(words)
    if not act and _SETS.search(words):
        return _unclear("set variables \u2026", COMMANDS[Name.SET_VARIABLES].usage)
    if act and heard.may_act:
        return act
    if act:
        return _unclear(words, typed(act))
    intended = _intended(words)
    if intended:
        return _unclear(words, intended) if heard.begins else None
    return _reading(words) or (_unclear(words) if heard.begins else None)


_SETS = re.compile(
    r"""(?<![\w-]) (?: (?:set|export|define|put) (?![\w-]) .{0,200}?
                      (?: = | (?<![\w-]) (?:vars?|variables?|env|environment|secret|password|token|key) (?![\w-]) )
                    | (?:add|change|update) (?![\w-]) .{0,200}? (?: = | (?<![\w-]) (?:variable|var) (?![\w-]) ) )""",
    re.IGNORECASE | re.VERBOSE,
)
"""A variable is to be set: what stands there may be its value, and is not repeated."""


def _unclear(words: str, *nearest: str) -> Unclear:
    """Say what was not understood; what stands after a `=` may be secret."""
    said = " ".join(words.replace(GAP, " ").split()).strip()[:LONGEST_WORDS]
    said = re.sub(r"=.+", "=\u2026", said)
    near = nearest or tuple(_close_to(said))
    return Unclear(said, (*(one for one in near if one != "help"), "help"))


def _close_to(said: str) -> list[str]:
    usages = {row.usage.lower(): row.usage for row in COMMANDS.values()}
    return [usages[usage] for usage in get_close_matches(said.lower()[:60], usages, n=_NEAREST, cutoff=0.4)]


# The catalogue's own words

_SPELT = {"rollback": r"roll[\ -]?back"}
_PLACEHOLDERS = {
    "SERVICE": rf"(?P<service>{_PLACE})",
    "NAME": rf"[<@\"'(]?(?P<user>{_PLACE})[>\"')]?",
    "TEXT": r"(?P<topic>.{1,200})",
    "#N": r"\#?\u200b?(?P<number>[0-9]{1,9})",
    "ID": r"(?P<incident>[0-9]{6}-[A-Za-z0-9]{4})",
    "LEVEL": r"(?P<level>SEV[123])",
    "TIME": r"(?:for\ )?(?P<time>(?:[0-9]{1,4}[smhd]){1,3})",
    "KIND": r"(?P<kind>database|service)",
    "TITLE": rf"(?P<title>{_PLACE})",
    "confirm": r"(?P<confirmed>confirm)",
}


def _pattern(usage: str) -> re.Pattern[str]:
    """Make of how a command is written what finds it."""

    def word(written: str) -> str:
        return _PLACEHOLDERS.get(written) or _SPELT.get(written) or re.escape(written)

    parts = re.findall(r"\[[^\]]*\]|\S+", usage)
    inner = [r"\ ".join(word(one) for one in part.strip("[]").split()) for part in parts]
    joined = (rf"(?:\ {one})?" if part[0] == "[" else rf"\ {one}" for part, one in zip(parts, inner, strict=True))
    return re.compile("".join(joined).removeprefix(r"\ "), re.IGNORECASE | re.ASCII)


_PATTERNS = {name: _pattern(row.usage) for name, row in COMMANDS.items()}


def _exactly(row: Command, words: str) -> Ask | None:
    """Read a command that is written as the catalogue has it."""
    found = _PATTERNS[row.name].fullmatch(words)
    if not found:
        return None
    given = found.groupdict()
    service = (given.get("service") or "").lower()
    if service == ALL and not row.acts:  # what only reads, reads of all where none is named
        return _exactly(row, re.sub(r" all\Z", "", words, flags=re.IGNORECASE)) if words.lower() != ALL else None
    if service in _STOP and not (service == ALL and row.name in _OF_ALL):
        return None
    number, topic = given.get("number"), given.get("topic")
    return Ask(
        row.name,
        service=given.get("service"),
        topic=(topic.strip() if row.acts else _topic(topic)) if topic else None,
        user=given.get("user"),
        number=int(number) if number else None,
        incident=(given.get("incident") or "").lower() or None,
        level=(given.get("level") or "").upper() or None,
        time=(given.get("time") or "").lower() or None,
        kind=(given.get("kind") or "").lower() or None,
        title=given.get("title"),
        confirmed=bool(given.get("confirmed")),
    )


_OF_ALL = frozenset({Name.RESTART, Name.DECLARE, Name.SILENCE, Name.UNSILENCE})
"""What may be said of every service at once."""

# What acts: all of it, and nothing else

_ACTS = tuple(row for row in COMMANDS.values() if row.acts)
_VERBS = {row.usage.split()[0]: row for row in reversed(_ACTS)}
_ALSO = {"reboot": Name.RESTART, "deploy": Name.REDEPLOY, "revert": Name.ROLLBACK, "unpause": Name.RESUME}
_ACT_WORD = re.compile(
    rf"""(?<![\w'\u2019-]) (?: {"|".join(_SPELT.get(verb, verb) for verb in _VERBS)} | \A (?:{"|".join(_ALSO)}) )
         (?![\w'\u2019-])""",
    re.IGNORECASE | re.VERBOSE,
)


_SAID_OF_ONE = re.compile(
    rf"\Aincidents? {_PLACEHOLDERS['ID']} (?P<verb>acknowledge|resolve|severity)(?P<rest>.*)\Z",
    re.IGNORECASE | re.ASCII,
)
"""The command line names the incident first."""


def _act(words: str) -> Ask | None:
    """Read an act: nothing may stand beside it but courtesy, and a question must ask us to do it."""
    if words.rstrip(" .!").endswith("?") and not _ASKS_TO.search(words):
        return None
    bare = _SAID_OF_ONE.sub(r"\g<verb> \g<incident>\g<rest>", _without_politeness(words))
    bare = re.sub("^severity ", "set severity ", bare, flags=re.IGNORECASE)
    return next((ask for row in _ACTS if (ask := _exactly(row, bare))), None)


def _intended(words: str) -> str | None:
    """Give the act that is spoken of, as it is typed, where nothing that only reads is spoken of before."""
    bare = _without_politeness(words)
    act, reads = _ACT_WORD.search(bare), _READ_WORD.search(bare)
    if not act or (reads and reads.start() < act.start()):
        return None
    verb = re.sub("[ -]", "", act[0].lower())
    row = COMMANDS[_ALSO[verb]] if verb in _ALSO else _VERBS[verb]
    after = bare[act.end() :]
    fits = (
        one for one in _ACTS if one.usage.split()[0] == verb and {*one.usage.split()[1:]} & {*after.lower().split()}
    )
    return typed(Ask(next(fits, row).name, service=next(iter(_places(after)), None)))


# What only reads: loosely

_STOP = frozenset(
    """
    a about again all also an env environment environments missing set and any anything are as at both by can check
    complete concerning containing contents could current currently debug deploy deployed deployment diagnose did
    display do does each entire entries every everything examine fetch find for from full get give going grep had
    happened happening has have health here history how i if in inspect investigate is issue it its know last latest
    let lets line lines list live look looking matching me mentioning more my need new newest now of on or our out
    output overview platform please post print prod production provide pull query railway read recent regarding
    related retrieve review runtime same scan search see send service services share show since so some something
    state status tail tell that the their them then there these this those to today too trace up us users verify
    view want was we were what whats when where which who whole why with would wrong yesterday you your
    """.split()  # noqa: SIM905 # as a list it would take a screen
)
"""Words that are no service's name."""
_USUAL = frozenset(("backend", "frontend", "api", "web", "worker", "server", "client", "app"))
"""Names of services, where a service's name is not the only thing that it could be."""
_TROUBLE = r"(?:errors?|exceptions?|warnings?|failures?|tracebacks?|crash(?:es)?|timeouts?|panics?)"
_NOUNS: tuple[tuple[Name, str], ...] = (
    (Name.METRICS, r"metrics?|cpu|memory|ram|latency|traffic"),
    (Name.DEPLOYMENTS, r"deployments?|deploys|deployed|releases?"),
    (Name.INCIDENTS, r"incidents?|outages?"),
    (Name.DATABASE, r"databases?|db|postgres(?:ql)?|mysql|mongo(?:db)?|redis"),
    (Name.HEALTH, r"health|healthy|healthchecks?|probes?|alive|smoke"),
    (Name.STATUS, r"status|overview|summary"),
    (Name.HELP, r"help|commands|usage"),
    (Name.VARIABLES, r"(?:env(?:ironment)?[ -])?(?:vars?|variables?)"),
)
_LOGS = re.compile(r"(?<![\w-])logs?(?![\w-]| ?(?:in|out|on)\b)", re.IGNORECASE)
_BUILD = re.compile(r"(?<![\w-])build(?:[ -](?:logs?|outputs?|errors?|failures?))(?![\w-])", re.IGNORECASE)
_ERRORS = re.compile(rf"(?<![\w-]){_TROUBLE}(?![\w-])", re.IGNORECASE)
_USER = re.compile(rf"(?<![\w-])user:? {_PLACEHOLDERS['NAME']}", re.IGNORECASE)
_UP = re.compile(
    r"\b(?:is|are|still|back)\b.{0,80}\b(?:up|down|ok|okay|fine|well|working|running|online|offline|broken|reachable)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\#\u200b?(?P<sharp>[0-9]{1,9})(?![\w-]) | \b(?:pr|mr|pull|request|issue|number)\ (?P<named>[0-9]{1,9})(?![\w-])",
    re.IGNORECASE | re.VERBOSE,
)
_HELD = re.compile(r"\b(?:why|merged?|merging|blocks?|blocked|holds?|stuck|waiting|explain)\b", re.IGNORECASE)
_INCIDENT = re.compile(r"(?<![\w-])[0-9]{6}-[a-z0-9]{4}(?![\w-])", re.IGNORECASE | re.ASCII)
_COMPILED = tuple((name, re.compile(rf"(?<![\w-])(?:{said})(?![\w-])", re.IGNORECASE)) for name, said in _NOUNS)
_READ_WORD = re.compile(
    rf"(?<![\w-])(?:logs?|why|user|{_TROUBLE}|{'|'.join(said for _, said in _NOUNS)})(?![\w-])", re.IGNORECASE
)
_INTRODUCES = re.compile(
    r"(?<!\w)(?:for|about|regarding|concerning|containing|mentioning|matching|with|around|related to)\s+(?P<topic>.+)",
    re.IGNORECASE,
)
_WITHIN = re.compile(
    rf"(?<!\w)(?:of|for|from|in|on|at|by)(?: the)?(?: service)? (?P<service>{_PLACE})(?!\w)", re.IGNORECASE
)
_TOPIC_WITHIN = re.compile(
    rf"(?P<topic>.+?) (?:of|from|in|on|at)(?: the)? (?P<service>{_PLACE})(?: service)?", re.IGNORECASE
)


def _reading(words: str) -> Ask | None:
    """Read what changes nothing."""
    said = _without_politeness(" ".join(words.replace(GAP, " ").split()))[:LONGEST_WORDS].strip()
    exact = (ask for row in COMMANDS.values() if not row.acts and (ask := _exactly(row, said)))
    return next(exact, None) or _why(said) or _logs_of(said) or _noun(said)


def _why(said: str) -> Ask | None:
    found = _NUMBER.search(said)
    if not found or not _HELD.search(said):
        return None
    return Ask(Name.WHY, number=int(found["sharp"] or found["named"]))


def _logs_of(said: str) -> Ask | None:
    """Read a request for logs: of a build, of a user, of a service, with a topic or without."""
    build, user = _BUILD.search(said), _USER.search(said)
    if build:
        return Ask(Name.BUILD_LOGS, service=_service(said[: build.start()], said[build.end() :]))
    if user and not _service_of_logs(said[: user.start()] + said[user.end() :]):
        return Ask(Name.USER, user=user["user"])
    noun = _LOGS.search(said)
    return _logs(said, noun) if noun else None


def _service_of_logs(said: str) -> str | None:
    noun = _LOGS.search(said)
    return _logs(said, noun).service if noun else None


def _logs(said: str, noun: re.Match[str]) -> Ask:
    trouble, service = [], None
    for word in reversed(_places(said[: noun.start()])):
        if not _ERRORS.fullmatch(word):
            service = word
            break
        trouble.append(word)
    tail = said[noun.end() :]
    introduced = _INTRODUCES.search(tail)
    if service is None:
        service = _follows(tail[: introduced.start()] if introduced else tail)
    topic = _topic(introduced["topic"]) if introduced else None
    if service is None and topic:
        service, topic = _apart(topic)
    return Ask(Name.LOGS, service=service, topic=topic or " ".join(trouble) or None)


def _apart(topic: str) -> tuple[str | None, str | None]:
    """Tell `backend` from `errors` and from `errors in backend`, all of which logs can be asked `for`."""
    found = _TOPIC_WITHIN.fullmatch(topic)
    if found and found["service"].lower() not in _STOP:
        return found["service"], found["topic"]
    if len(words := _places(topic)) == 1 and not _ERRORS.fullmatch(words[0]):
        return words[0], None
    return None, topic


def _noun(said: str) -> Ask | None:
    """Read what is known by one word."""
    found = {name: match for name, pattern in _COMPILED if (match := pattern.search(said))}
    named = _INCIDENT.search(said)
    if named:
        return Ask(Name.INCIDENTS, incident=named[0].lower())
    trouble = _ERRORS.search(said)
    for name in (Name.METRICS, Name.DEPLOYMENTS):
        if name in found:
            return Ask(name, service=_service(said[: found[name].start()], said[found[name].end() :]))
    variables = found.pop(Name.VARIABLES, None)
    if variables and not found and not trouble:
        return Ask(Name.VARIABLES, service=_service(said[: variables.start()], said[variables.end() :]))
    if trouble and not {Name.INCIDENTS, Name.DATABASE} & found.keys():
        return _trouble(said, trouble)
    if Name.STATUS not in found and Name.DATABASE not in found and _UP.search(said):
        return Ask(Name.HEALTH)
    return next((Ask(name) for name in found), None)


def _trouble(said: str, noun: re.Match[str]) -> Ask:
    """Read `authentication errors in the backend`."""
    words = _places(said[: noun.start()])
    found = _WITHIN.search(said, noun.end())
    service = found["service"] if found and found["service"].lower() not in _STOP else None
    if service is None and words and words[0].lower() in _USUAL:
        service, *words = words
    return Ask(Name.LOGS, service=service, topic=_topic(" ".join([*words, noun[0]])))


def _service(before: str, after: str) -> str | None:
    """Find a service's name: `of backend`, `backend` right after, or `backend` right before."""
    found = _WITHIN.search(after)
    if found and found["service"].lower() not in _STOP:
        return found["service"]
    return _follows(after) or next(reversed(_places(before)), None)


def _follows(tail: str) -> str | None:
    """Give the first word that may be a service's name, unless a new clause begins before it."""
    return next(iter(_places(re.split(r"[,;:!?]|\. ", tail, maxsplit=1)[0])), None)


def _places(text: str) -> list[str]:
    """Give the words that may be a service's name."""
    words = (word.removesuffix("'s").removesuffix("\u2019s").strip(_EDGE + "<>\"'*_") for word in text.split())
    return [word for word in words if re.fullmatch(_PLACE, word) and word.lower() not in _STOP and not word.isdigit()]


def _topic(text: str) -> str:
    return text.strip(_EDGE + "\"'\u201c\u201d").removeprefix("the ")[:LONGEST_TOPIC].strip()
