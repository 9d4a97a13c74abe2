"""The grammar: what only reads is understood as people say it; what acts is done only where it is all that is said."""

import re
from typing import Any

import pytest
from effort import cpu_within
from hostile import HOSTILE
from hypothesis import example, given
from hypothesis import strategies as st

from devops_daemon.commands.catalogue import COMMANDS, Name
from devops_daemon.commands.grammar import LONGEST_TOPIC, LONGEST_WORDS, MOST, Ask, Unclear, read, typed

ACTS = frozenset(name for name, row in COMMANDS.items() if row.acts)
LOGS, BUILD, USER, WHY = Name.LOGS, Name.BUILD_LOGS, Name.USER, Name.WHY
DATABASE, HEALTH, STATUS, METRICS = Name.DATABASE, Name.HEALTH, Name.STATUS, Name.METRICS
DEPLOYMENTS, INCIDENTS, HELP = Name.DEPLOYMENTS, Name.INCIDENTS, Name.HELP


def asked(words: str) -> Ask | Unclear | None:
    """What one mention with these words asks for."""
    found = read(f"@devops {words}")
    return found[0] if found else None


# What only reads


@pytest.mark.parametrize(
    ("words", "ask"),
    [
        # the specification's own
        ("please check backend logs for authentication errors", Ask(LOGS, "backend", "authentication errors")),
        ("check database connection status", Ask(DATABASE)),
        ("check user maria", Ask(USER, user="maria")),
        ("check database", Ask(DATABASE)),
        ("check logs backend", Ask(LOGS, "backend")),
        # logs
        ("logs", Ask(LOGS)),
        ("Logs!", Ask(LOGS)),
        ("logs please", Ask(LOGS)),
        ("check logs", Ask(LOGS)),
        ("check the logs", Ask(LOGS)),
        ("logs backend", Ask(LOGS, "backend")),
        ("logs of backend", Ask(LOGS, "backend")),
        ("logs from the backend", Ask(LOGS, "backend")),
        ("logs for backend", Ask(LOGS, "backend")),
        ("logs for the backend service please", Ask(LOGS, "backend")),
        ("check logs for errors", Ask(LOGS, topic="errors")),
        ("check logs for timeouts in backend", Ask(LOGS, "backend", "timeouts")),
        ("check logs backend for connection refused", Ask(LOGS, "backend", "connection refused")),
        ("check logs backend about the payment of order 7", Ask(LOGS, "backend", "payment of order 7")),
        ("backend logs", Ask(LOGS, "backend")),
        ("Backend logs?", Ask(LOGS, "Backend")),
        ("the backend's logs", Ask(LOGS, "backend")),
        ("show me the last 50 lines of the backend logs", Ask(LOGS, "backend")),
        ("can you show me the logs of my-service_2.x?", Ask(LOGS, "my-service_2.x")),
        ("could you please look at the worker logs, it seems stuck", Ask(LOGS, "worker")),
        ("what do the frontend logs say about CORS?", Ask(LOGS, "frontend", "CORS")),
        ("tail the logs of backend", Ask(LOGS, "backend")),
        ("grep backend logs for 'out of memory'", Ask(LOGS, "backend", "out of memory")),
        ("error logs of backend", Ask(LOGS, "backend", "error")),
        ("backend error logs", Ask(LOGS, "backend", "error")),
        ("check logs `backend`", Ask(LOGS, "backend")),
        ("check the `backend` logs for `ECONNREFUSED`", Ask(LOGS, "backend", "ECONNREFUSED")),
        ("check **backend** logs", Ask(LOGS, "backend")),
        ("check backend logs for restart", Ask(LOGS, "backend", "restart")),
        ("check database logs", Ask(LOGS, "database")),
        ("check logs for incident reports in backend", Ask(LOGS, "backend", "incident reports")),
        ("any errors?", Ask(LOGS, topic="errors")),
        ("show me the last errors of the frontend", Ask(LOGS, "frontend", "errors")),
        ("authentication errors", Ask(LOGS, topic="authentication errors")),
        ("authentication errors in the backend", Ask(LOGS, "backend", "authentication errors")),
        ("backend errors", Ask(LOGS, "backend", "errors")),
        ("check backend authentication errors", Ask(LOGS, "backend", "authentication errors")),
        ("are there any exceptions in worker?", Ask(LOGS, "worker", "exceptions")),
        ("Please check Backend Logs for Authentication Errors.", Ask(LOGS, "Backend", "Authentication Errors")),
        # build logs
        ("build logs frontend", Ask(BUILD, "frontend")),
        ("build logs", Ask(BUILD)),
        ("build logs of the frontend", Ask(BUILD, "frontend")),
        ("show me the frontend build logs", Ask(BUILD, "frontend")),
        ("why does the build output of web look odd", Ask(BUILD, "web")),
        ("build log please", Ask(BUILD)),
        ("check build errors for api", Ask(BUILD, "api")),
        # users
        ("check user <maria>", Ask(USER, user="maria")),
        ("check user @maria", Ask(USER, user="maria")),
        ("check user `maria`", Ask(USER, user="maria")),
        ('check user "maria"', Ask(USER, user="maria")),
        ("check user maria.lopez-2", Ask(USER, user="maria.lopez-2")),
        ("user maria", Ask(USER, user="maria")),
        ("check user maria please", Ask(USER, user="maria")),
        ("what did user maria do?", Ask(USER, user="maria")),
        ("logs for user maria", Ask(USER, user="maria")),
        ("check the logs of user maria", Ask(USER, user="maria")),
        ("check backend logs for user maria", Ask(LOGS, "backend", "user maria")),
        # database
        ("database", Ask(DATABASE)),
        ("is the database up?", Ask(DATABASE)),
        ("db status", Ask(DATABASE)),
        ("can you check the postgres connection?", Ask(DATABASE)),
        ("database health", Ask(DATABASE)),
        ("check database errors", Ask(DATABASE)),
        # health
        ("health", Ask(HEALTH)),
        ("check health", Ask(HEALTH)),
        ("run a health check", Ask(HEALTH)),
        ("is everything up?", Ask(HEALTH)),
        ("is the backend down?", Ask(HEALTH)),
        ("is prod ok?", Ask(HEALTH)),
        ("are all services running?", Ask(HEALTH)),
        ("run the probes", Ask(HEALTH)),
        ("is the frontend healthy?", Ask(HEALTH)),
        # status
        ("status", Ask(STATUS)),
        ("STATUS", Ask(STATUS)),
        ("status, please", Ask(STATUS)),
        ("what's the status?", Ask(STATUS)),
        ("give me an overview", Ask(STATUS)),
        # deployments
        ("deployments", Ask(DEPLOYMENTS)),
        ("deployments of backend", Ask(DEPLOYMENTS, "backend")),
        ("deployments backend", Ask(DEPLOYMENTS, "backend")),
        ("latest backend deployments", Ask(DEPLOYMENTS, "backend")),
        ("what is deployed?", Ask(DEPLOYMENTS)),
        ("show the last deploys of the frontend", Ask(DEPLOYMENTS, "frontend")),
        ("deployment status", Ask(DEPLOYMENTS)),
        # metrics
        ("metrics", Ask(METRICS)),
        ("metrics backend", Ask(METRICS, "backend")),
        ("list the environment variables of backend", Ask(Name.VARIABLES, "backend")),
        ("which env vars does the backend have", Ask(Name.VARIABLES, "backend")),
        ("undefined variable errors in the backend", Ask(LOGS, "backend", topic="undefined variable errors")),
        ("metrics for the backend", Ask(METRICS, "backend")),
        ("backend metrics", Ask(METRICS, "backend")),
        ("memory of backend", Ask(METRICS, "backend")),
        ("why is the memory of backend so high?", Ask(METRICS, "backend")),
        ("how is the latency?", Ask(METRICS)),
        ("cpu", Ask(METRICS)),
        # incidents
        ("acknowledge 261124-k3f9", Ask(Name.ACKNOWLEDGE, incident="261124-k3f9")),
        ("please resolve 261124-K3F9, thanks", Ask(Name.RESOLVE, incident="261124-k3f9")),
        ("set severity 261124-k3f9 sev2", Ask(Name.SEVERITY, incident="261124-k3f9", level="SEV2")),
        ("incident 261124-k3f9 acknowledge", Ask(Name.ACKNOWLEDGE, incident="261124-k3f9")),
        ("incident 261124-k3f9 resolve", Ask(Name.RESOLVE, incident="261124-k3f9")),
        ("incidents 261124-k3f9 severity SEV3", Ask(Name.SEVERITY, incident="261124-k3f9", level="SEV3")),
        ("incident", Ask(INCIDENTS)),
        ("incidents", Ask(INCIDENTS)),
        ("incident 261124-k3f9", Ask(INCIDENTS, incident="261124-k3f9")),
        ("what about incident 261124-K3F9?", Ask(INCIDENTS, incident="261124-k3f9")),
        ("261124-k3f9", Ask(INCIDENTS, incident="261124-k3f9")),
        ("show open incidents", Ask(INCIDENTS)),
        ("incident status", Ask(INCIDENTS)),
        # why
        ("why #12", Ask(WHY, number=12)),
        ("why 12", Ask(WHY, number=12)),
        ("why #\u200b12", Ask(WHY, number=12)),
        ("why is #12 not merged?", Ask(WHY, number=12)),
        ("why isn't PR 12 merged", Ask(WHY, number=12)),
        ("what blocks #12?", Ask(WHY, number=12)),
        ("please explain why pull request 12 is stuck", Ask(WHY, number=12)),
        ("is #12 merged?", Ask(WHY, number=12)),
        # help
        ("help", Ask(HELP)),
        ("help!", Ask(HELP)),
        ("can you help?", Ask(HELP)),
        ("list commands", Ask(HELP)),
        # courtesy
        ("hey, can you please check the health, thanks!", Ask(HEALTH)),
        ("Hello! Could you check logs backend? Thank you", Ask(LOGS, "backend")),
        (", status", Ask(STATUS)),
        (": status", Ask(STATUS)),
        ("- status", Ask(STATUS)),
    ],
)
def test_what_only_reads_is_understood(words: str, ask: Ask) -> None:
    assert asked(words) == ask


# What acts


@pytest.mark.parametrize(
    ("words", "ask"),
    [
        ("restart backend", Ask(Name.RESTART, "backend")),
        ("Restart Backend.", Ask(Name.RESTART, "Backend")),
        ("please restart backend", Ask(Name.RESTART, "backend")),
        ("restart backend please!", Ask(Name.RESTART, "backend")),
        ("can you restart backend?", Ask(Name.RESTART, "backend")),
        ("could you please restart backend, thanks", Ask(Name.RESTART, "backend")),
        ("hey, restart  backend now", Ask(Name.RESTART, "backend")),
        ("restart **backend**", Ask(Name.RESTART, "backend")),
        ("redeploy my-service_2.x", Ask(Name.REDEPLOY, "my-service_2.x")),
        ("rollback backend", Ask(Name.ROLLBACK, "backend")),
        ("roll back backend", Ask(Name.ROLLBACK, "backend")),
        ("roll-back backend", Ask(Name.ROLLBACK, "backend")),
        ("clear stale sessions", Ask(Name.CLEAR_SESSIONS)),
        ("clear orphans", Ask(Name.CLEAR_ORPHANS)),
        ("clear orphans confirm", Ask(Name.CLEAR_ORPHANS, confirmed=True)),
        ("Please clear orphans confirm.", Ask(Name.CLEAR_ORPHANS, confirmed=True)),
        ("pause", Ask(Name.PAUSE)),
        ("resume, please", Ask(Name.RESUME)),
    ],
)
def test_an_act_is_asked_for_in_exactly_its_words(words: str, ask: Ask) -> None:
    assert asked(words) == ask


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("don't restart backend", "restart backend"),
        ("do not restart backend", "restart backend"),
        ("never restart backend", "restart backend"),
        ("should we restart backend?", "restart backend"),
        ("restart backend?", "restart backend"),
        ("restart backend if it fails again", "restart backend"),
        ("please restart backend and frontend", "restart backend"),
        ("restart backend, frontend", "restart backend"),
        ("restart the backend", "restart backend"),
        ("restart backend when you can", "restart backend"),
        ("restart backend - no, wait", "restart backend"),
        ("restart `backend`", "restart backend"),
        ("restart backend `if it fails`", "restart backend"),
        ("restart backend [unless](x)", "restart backend"),
        ("restart backend ~~please~~", "restart backend"),
        ("restart backend <b>not</b>", "restart backend"),
        ("restart backend <!-- x -->", "restart backend"),
        ("`restart` backend", None),
        ("he said: restart backend", "restart backend"),
        ('"restart backend"', "restart backend"),
        ("restart backend #1", "restart backend"),
        ("restart back/end", "restart SERVICE"),
        ("restart", "restart SERVICE"),
        ("restart " + "x" * 300, "restart SERVICE"),
        ("restart backend" + " " * 300 + "if it fails", "restart backend"),
        ("roll back the backend to yesterday", "rollback backend"),
        ("deploy backend", "redeploy backend"),
        ("redeploy backend with the new code", "redeploy backend"),
        ("clear the sessions", "clear stale sessions"),
        ("clear all orphans", "clear orphans"),
        ("clear orphans yes", "clear orphans"),
        ("clear orphans confirm please do it", "clear orphans"),
        ("pause everything", "pause"),
        ("pause?", "pause"),
        ("should I resume", "resume"),
        ("restart backend and check the logs", "restart backend"),
    ],
)
def test_words_beside_an_act_are_asked_about(words: str, nearest: str | None) -> None:
    found = asked(words)
    assert isinstance(found, Unclear)
    assert found.nearest[-1] == "help"
    assert nearest is None or nearest in found.nearest


@pytest.mark.parametrize(
    "body",
    [
        "Don't @devops restart backend",
        "To mend it, write @devops restart backend",
        "if it fails: @devops restart backend",
        "@devops restart backend\nif it fails again",
        "@devops restart backend\nbut not now",
        "@devops restart backend @devops",
        "@devops restart backend @devops restart frontend",
        "@devops\nrestart backend",
        "- [x] @devops restart backend",
        "| a |\n|---|\n| @devops restart backend |",
        "`do not` @devops restart backend",
        "[^1]: @devops restart backend",
        "$@devops restart backend$",
    ],
)
def test_what_stands_around_an_act_makes_it_none(body: str) -> None:
    assert not {ask.name for ask in read(body) if isinstance(ask, Ask)} & ACTS


@pytest.mark.parametrize(
    "body",
    [
        "@devops restart backend",
        "hey @devops, restart backend",
        "@DevOps restart backend",
        "restart backend @devops",
        "Please restart backend, @devops!",
        "- @devops restart backend",
        "# @devops restart backend",
        "**@devops** restart backend",
        "@devops restart backend\nThanks!",
        "@devops restart backend\n\nif it fails again we must look deeper",
        "It is down.\n@devops restart backend\n\n> @devops restart frontend",
    ],
)
def test_an_act_that_stands_alone_is_one(body: str) -> None:
    assert read(body) == (Ask(Name.RESTART, "backend"),)


# The mention


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nothing",
        "devops status",
        "x@devops status",
        "me@devops status",
        "me@devops.com status",
        "@devops.com status",
        "@devops-daemon status",
        "@devopsguy status",
        "@devops_ status",
        "@devops/team status",
        "@@devops status",
        "/@devops status",
        "@dev ops status",
        "@\u200bdevops status",
        "\uff20devops status",
        "@devop\u017f status",
        "\\@devops status",
        "&#64;devops status",
        "`@devops status`",
        "```\n@devops status\n```",
        "~~~\n@devops status",
        "    @devops status",
        "> @devops status",
        "> quoted\n@devops status",
        "[@devops status](x)",
        "![@devops status](x)",
        "https://e.example/@devops status",
        "<!-- @devops status -->",
        "<b>@devops status</b>",
        "<div>@devops status</div>",
        "<details>\n\n@devops status\n\n</details>",
        "~~@devops status~~",
        "@`devops` status",
        "@devops's status",
        "@devops\u2019s status",
    ],
)
def test_no_mention_in_prose_asks_nothing(body: str) -> None:
    assert read(body) == ()


@pytest.mark.parametrize(
    "body",
    [
        "cc @devops",
        "Thanks @devops!",
        "@devops thanks!",
        "@devops thank you for the help",
        "thanks for the logs, @devops",
        "Thanks @devops\nThat helped",
        "I think @devops will restart it",
        "I asked @devops for logs",
        "The incident was closed by @devops",
        "maybe @devops knows",
        "so @devops restarted the backend",
        "let me ask @devops about the status",
    ],
)
def test_talk_of_us_asks_nothing(body: str) -> None:
    assert read(body) == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("@devops", (Unclear("", ("help",)),)),
        ("@devops!", (Unclear("", ("help",)),)),
        ("@devops status", (Ask(STATUS),)),
        ("@DEVOPS: status", (Ask(STATUS),)),
        ("(@devops status)", (Ask(STATUS),)),
        ("status @devops", (Ask(STATUS),)),
        ("check the backend logs, @devops", (Ask(LOGS, "backend"),)),
        ("It is slow again. @devops check metrics backend", (Ask(METRICS, "backend"),)),
        ("@devops\nplease check the logs", (Ask(LOGS),)),
        ("hey @devops\ncan you check the logs?", (Ask(LOGS),)),
        ("@devops status\n@devops health", (Ask(STATUS), Ask(HEALTH))),
        ("@devops status @devops health", (Ask(STATUS), Ask(HEALTH))),
        ("@devops status\n\n@devops status", (Ask(STATUS),)),
        ("1. @devops status\n2. @devops health", (Ask(STATUS), Ask(HEALTH))),
        ("> status?\n\n@devops health", (Ask(HEALTH),)),
        ("@devops check logs\n```\nrestart backend\n```", (Ask(LOGS),)),
        ("@devops check logs\r\nbye", (Ask(LOGS),)),
    ],
)
def test_a_mention_asks_for_what_stands_on_its_line(body: str, expected: tuple[Ask | Unclear, ...]) -> None:
    assert read(body) == expected


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("foo bar", ("help",)),
        ("statsu", ("status",)),
        ("helth", ("health", "help")),
        ("checkdatabase", ("check database",)),
        ("metrix", ("metrics [SERVICE]",)),
        ("check user", ("check user NAME",)),
        ("why", ("why #N",)),
    ],
)
def test_what_is_not_understood_gets_the_nearest(words: str, nearest: tuple[str, ...]) -> None:
    found = asked(words)
    assert isinstance(found, Unclear)
    assert found.words == words
    assert set(nearest) <= set(found.nearest)
    assert found.nearest[-1] == "help"
    assert len(found.nearest) <= 4


def test_of_many_requests_the_first_are_read_and_the_rest_named() -> None:
    body = "\n".join(f"@devops logs s{number}" for number in range(5))
    *first, last = read(body)
    assert first == [Ask(LOGS, f"s{number}") for number in range(MOST)]
    assert last == Unclear(
        "check logs s3; check logs s4 (more than 3 requests in one comment)", ("check logs s3", "check logs s4")
    )


def test_what_is_kept_of_a_request_is_bounded() -> None:
    found = asked("check logs backend for " + "long " * 100)
    assert isinstance(found, Ask)
    assert len(found.topic or "") <= LONGEST_TOPIC
    unclear = asked("what " * 1000)
    assert isinstance(unclear, Unclear)
    assert len(unclear.words) <= LONGEST_WORDS


# The catalogue

FILLED = {
    "SERVICE": "backend",
    "TEXT": "login errors",
    "NAME": "maria",
    "N": "12",
    "ID": "261124-k3f9",
    "LEVEL": "SEV2",
    "TIME": "2h30m",
    "KIND": "database",
    "TITLE": "postgres",
}
GIVEN = {
    "service": st.from_regex(r"[a-z][a-z0-9]{2,10}(-[a-z0-9]{1,5})?x", fullmatch=True).filter(
        lambda name: name != "prox"
    ),
    "topic": st.from_regex(r"[a-z]{4,9}x( [a-z]{4,9}x)?", fullmatch=True),
    "user": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}[a-z0-9]", fullmatch=True),
    "number": st.integers(1, 999_999_999),
    "incident": st.from_regex(r"[0-9]{6}-[a-z0-9]{4}", fullmatch=True),
    "level": st.sampled_from(["SEV1", "SEV2", "SEV3"]),
    "time": st.from_regex(r"[0-9]{1,4}[smhd]", fullmatch=True),
    "kind": st.sampled_from(["database", "service"]),
    "title": st.from_regex(r"[a-z][a-z0-9]{2,10}(-[a-z0-9]{1,5})?", fullmatch=True),
}
_WANTS = {
    LOGS: ("service", "topic"),
    **dict.fromkeys(
        (BUILD, DEPLOYMENTS, METRICS, Name.DIAGNOSE, Name.RESTART, Name.REDEPLOY, Name.ROLLBACK), ("service",)
    ),
    USER: ("user",),
    **dict.fromkeys((WHY, Name.MERGE, Name.REBASE, Name.HOLD), ("number",)),
    **dict.fromkeys((INCIDENTS, Name.ACKNOWLEDGE, Name.RESOLVE), ("incident",)),
    Name.SEVERITY: ("incident", "level"),
    Name.DECLARE: ("service", "level", "topic"),
    Name.PROVISION: ("kind", "title", "topic"),
    **dict.fromkeys((Name.VARIABLES, Name.SET_VARIABLES), ("service",)),
    Name.SILENCE: ("service", "time"),
    Name.UNSILENCE: ("service",),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_read_as_the_catalogue_writes_it(name: Name) -> None:
    usage = COMMANDS[name].usage
    whole = re.sub(r"[\[\]]", "", usage)
    bare = re.sub(r" ?\[[^\]]*\]", "", usage)
    for written in (whole, bare):
        filled = re.sub("|".join(FILLED), lambda found: FILLED[found[0]], written)
        found = asked(filled)
        assert isinstance(found, Ask)
        assert found.name is name
        assert typed(found) == filled


@given(name=st.sampled_from(list(COMMANDS)), data=st.data())
def test_what_is_typed_is_read_again(name: Name, data: st.DataObject) -> None:
    given_values: dict[str, Any] = {field: data.draw(GIVEN[field]) for field in _WANTS.get(name, ())}
    ask = Ask(name, **given_values)
    assert asked(typed(ask)) == ask


# Any text

WORDS = (
    *("@devops", "restart", "backend", "redeploy", "rollback", "roll", "back", "clear", "stale", "sessions", "orphans"),
    *("confirm", "pause", "resume", "please", "can you", "don't", "not", "if", "and", "should we", "?", ".", ",", "\n"),
    *(
        "`",
        "> ",
        "[",
        "](x)",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "~~",
        "**",
        "    ",
        "```",
        "\n\n",
        "logs",
        "for",
        "why",
        "#1",
    ),
)
worded = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@given(worded | st.text(st.characters(), max_size=60).map(lambda text: f"@devops {text}"))
@example("@devops " + "\x00")
def test_no_text_is_too_strange(body: str) -> None:
    found = read(body)
    assert len(found) <= MOST + 1
    for one in found:
        if isinstance(one, Unclear):
            assert len(one.words) <= LONGEST_WORDS + 60
            assert 1 <= len(one.nearest) <= 4


@given(
    st.lists(st.sampled_from([word for word in WORDS if word not in {"\n", "\n\n", "**"}]), max_size=8).map(" ".join)
)
def test_what_acts_is_a_verb_with_its_object_and_nothing_else(words: str) -> None:
    acts = [ask for ask in read(f"@devops {words}") if isinstance(ask, Ask) and ask.name in ACTS]
    if acts:
        bare = re.sub(r"please|can you|[?.,]", " ", re.sub("roll back", "rollback", words))
        assert [" ".join(bare.replace("@devops", "").split())] == [typed(act) for act in acts]


@pytest.mark.parametrize(
    "wrap", ["`{}`", "```\n{}\n```", "> {}", "[{}](x)", "<b>{}</b>", "<!-- {} -->", "    {}", "~~{}~~"]
)
@given(ask=st.sampled_from([row.usage for row in COMMANDS.values()]))
def test_no_command_is_read_from_code_quotes_links_and_html(wrap: str, ask: str) -> None:
    assert read(wrap.format(f"@devops {ask}")) == ()


@pytest.mark.parametrize("text", [pytest.param(each.text, id=each.name) for each in HOSTILE])
def test_hostile_text_asks_for_no_act(text: str) -> None:
    for body in (f"@devops {text}", f"@devops check logs for {text}", f"{text[:60_000]}\n\n@devops what of this?"):
        found = cpu_within(0.6, read, body[:65_536])
        acts = {ask.name for ask in found if isinstance(ask, Ask)} & ACTS
        assert not acts or text == "@devops restart backend"


@pytest.mark.parametrize(
    "unit", ["@devops ", "@devops\n", "@devops check x\n", "@devops logs for logs \n", "a, ", "please ", "thanks "]
)
def test_no_comment_takes_long(unit: str) -> None:
    body = ("@devops " + unit * 65_536)[:65_536]
    cpu_within(0.6, read, body)


@pytest.mark.parametrize(
    "words",
    [
        "set variables backend STRIPE_KEY=hunter2quarry",
        "set STRIPE_KEY=hunter2quarry on backend",
        "please set the password variable to hunter2quarry",
        "set STRIPE_KEY to hunter2quarry in the environment",
        "add a variable STRIPE_KEY with hunter2quarry",
        "give the backend STRIPE_KEY=hunter2quarry now",
    ],
)
def test_a_value_that_is_typed_into_a_comment_is_not_repeated(words: str) -> None:
    found = asked(words)
    assert isinstance(found, Unclear)
    assert "hunter2quarry" not in repr(found)
