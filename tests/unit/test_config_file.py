"""`devops.toml`: what is wrong with it is told with file, line and key, one line for each."""

import json
import re
from pathlib import Path

import pytest
from effort import cpu_within
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from devops_daemon.config_file import Document, File, ProbeTable, ServiceTable, line_of, read_document
from devops_daemon.model import ProbeKind, Severity

PROPERTY = hypothesis_settings(max_examples=60)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "devops.toml"


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    return read_document(file, asked_for=True)[1]


# Reading


def test_a_file_nobody_asked_for_need_not_be_there(file: Path) -> None:
    assert read_document(file, asked_for=False) == (Document(file), [])


def test_a_file_that_was_asked_for_must_be_there(file: Path) -> None:
    document, told = read_document(file, asked_for=True)
    assert document == Document(file)
    assert told == [f"{file}: cannot be read: No such file or directory"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert read_document(tmp_path, asked_for=False)[1] == [f"{tmp_path}: cannot be read: Is a directory"]


def test_a_file_that_is_not_utf8_is_told_of(file: Path) -> None:
    file.write_bytes(b'[services.caf\xe9]\nurl = "https://x.example"\n')
    assert read_document(file, asked_for=True)[1] == [f"{file}: cannot be read: it is not UTF-8 text"]


def test_an_empty_file_says_nothing(file: Path) -> None:
    assert problems(file, "# nothing yet\n") == []
    assert read_document(file, asked_for=True)[0].file == File()


def test_a_right_file_is_read_whole(file: Path) -> None:
    text = """
    [services.worker]
    url = "https://worker.example.com/"
    depends_on = ["backend"]
    railway = "worker-production"

    [services.worker.probes.queue]
    kind = "http"
    path = "/queue?deep=1"
    method = "POST"
    expect_status = 204
    fields = { status = "ok", "queue.depth" = [0, 1] }
    severity = "SEV3"
    timeout = "1m30s"
    """
    assert problems(file, text) == []
    assert read_document(file, asked_for=True) == (
        Document(
            file,
            text,
            File(
                services={
                    "worker": ServiceTable.model_validate(
                        {
                            "url": "https://worker.example.com",
                            "depends_on": ["backend"],
                            "railway": "worker-production",
                            "probes": {
                                "queue": ProbeTable.model_validate(
                                    {
                                        "kind": ProbeKind.HTTP,
                                        "path": "/queue?deep=1",
                                        "method": "POST",
                                        "expect_status": [204],
                                        "fields": {"status": ["ok"], "queue.depth": [0, 1]},
                                        "severity": Severity.SEV3,
                                        "timeout": "90s",
                                    }
                                )
                            },
                        }
                    )
                }
            ),
        ),
        [],
    )


# What is wrong: one line for each, with file, line and key


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services = 5", "1: services: input should be a valid dictionary"),
        ('[service.api]\nurl = "https://api.example"', "1: service: is no key that is known here"),
        ("[services.api]\n\nport = 1", "3: services.api.port: is no key that is known here"),
        ('[services.api]\nprobes.api.knd = "http"', "2: services.api.probes.api.knd: is no key that is known here"),
        ('[services."a b"]', "1: services.a b: string should match pattern "),
        ('[services.api]\n[services.api.probes."a b"]', "2: services.api.probes.a b: string should match pattern "),
        (
            '# here\n[services.api]\nurl = "api.example"',
            "3: services.api.url: is not an absolute http:// or https:// URL",
        ),
        (
            '[services.api]\nurl = "https://u:p@api.example"',
            "2: services.api.url: must not hold a user name or password",
        ),
        ('[services.api]\ndepends_on = "web"', "2: services.api.depends_on: input should be a valid list"),
        (
            "[services.api]\ndepends_on = [\n  'web',\n  5,\n]",
            "5: services.api.depends_on.1: input should be a valid string",
        ),
        ('services = { api = { probes = { api = { kind = "tcp" } } } }', "1: services.api.probes.api.kind: "),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(file: Path, text: str, told: str) -> None:
    assert [line[: len(f"{file}:{told}")] for line in problems(file, text)] == [f"{file}:{told}"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('kind = "tcp"', "kind: input should be 'http', 'readiness' or 'sign_in'"),
        ("path = 5", "path: input should be a valid string"),
        ('path = "health"', "path: string should match pattern "),
        ('method = "DELETE"', "method: input should be 'GET', 'HEAD', "),
        ("expect_status = 99", "expect_status.0: input should be greater than or equal to 100"),
        ("expect_status = [200, 600]", "expect_status.1: input should be less than or equal to 599"),
        ("contains = true", "contains: input should be a valid string"),
        ('fields = ["status"]', "fields: input should be a valid dictionary"),
        ("fields = { status = { is = 1 } }", "fields.status"),
        ("fields = { status = ['ok', [1]] }", "fields.status"),
        ('not_empty = "perhaps"', "not_empty: input should be a valid boolean"),
        ("needs = 1", "needs: input should be a valid string"),
        ("username = 1", "username: input should be a valid string"),
        ('severity = "SEV4"', "severity: input should be 'SEV1', 'SEV2' or 'SEV3'"),
        ('timeout = "5"', "timeout: is not a duration such as 90s"),
        ("timeout = 5", "timeout: is not a duration such as 90s"),
        ('timeout = "999999999d"', "timeout: is "),
        ('slow_after = "0s"', "slow_after: must be longer than zero"),
        ("certificate_days = -1", "certificate_days: input should be greater than or equal to 0"),
        ('off = "perhaps"', "off: input should be a valid boolean"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(file: Path, line: str, told: str) -> None:
    found = problems(file, f"[services.api]\n\n[services.api.probes.live]\n{line}\n")
    want = f"{file}:4: services.api.probes.live.{told}"
    assert [text[: len(want)] for text in found] == [want]


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    text = """
    colour = "red"
    [services.api]
    url = "api"
    [services.api.probes.live]
    kind = "tcp"
    expect_status = [
        200,
        999,
    ]
    [services.web]
    ulr = "https://web.example"
    """
    told = [line.removeprefix(f"{file}:").split(": ")[:2] for line in problems(file, text)]
    assert sorted(told) == sorted(
        [
            ["2", "colour"],
            ["4", "services.api.url"],
            ["6", "services.api.probes.live.kind"],
            ["10", "services.api.probes.live.expect_status.1"],
            ["12", "services.web.ulr"],
        ]
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[services.api\n", 1),
        ('[services.api]\nurl = "https://api.example\n', 2),
        ("[services.api]\nurl = https://api.example\n", 2),
        ("[services.api]\n\nurl: 'https://api.example'\n", 3),
        ("[services.api]\n[services.web]\n[services.api]\n", 3),
        ("[services.api]\noff = true\noff = true\n", 3),
        ("[services.api]\ndepends_on = [\n  'web'\n  'db'\n]\n", 4),
        ("[services.api]\nprobes = { api = { kind = 'http' }\n", 2),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(file: Path, text: str, line: int) -> None:
    told = problems(file, text)
    assert len(told) == 1
    assert re.match(rf"{re.escape(str(file))}:({line}: | .*\bline {line}\b)", told[0])


def test_what_has_no_end_is_told_of(file: Path) -> None:
    told = problems(file, "[services.api]\ndepends_on = [\n  'web',\n")
    assert len(told) == 1
    assert told[0].startswith(f"{file}:")


@PROPERTY
@given(
    st.lists(
        st.sampled_from(
            [
                "[",
                "]",
                "services",
                ".",
                "api",
                "=",
                '"',
                "'",
                "\n",
                "{",
                "}",
                ",",
                "url",
                "probes",
                "kind",
                "http",
                "1",
                "#",
                " ",
            ]
        )
        | st.characters(),
        max_size=30,
    ).map("".join)
)
def test_any_text_is_read_or_told_of(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(text.encode())
    document, told = read_document(file, asked_for=True)
    assert all(line.startswith(f"{file}:") for line in told)
    assert document.path == file


def test_many_mistakes_in_a_long_file_are_told_without_a_wait(file: Path) -> None:
    services = 60
    text = "".join(
        f'[services.s{number}]\nurl = "https://s{number}.example"\n[services.s{number}.probes.live]\nknd = "http"\n'
        for number in range(services)
    )
    told = cpu_within(2, problems, file, text)
    assert [int(line.split(":")[1]) for line in told] == [4 * number for number in range(1, services + 1)]


# Lines

Where = dict[tuple[int | str, ...], int]
NAMES = ["api", "web", "db-1", "a.b", "x y", "9", "_"]


@st.composite
def written(draw: st.DrawFn) -> tuple[str, Where]:
    """A document in the many ways of TOML, and the line on which each of its parts comes to be there."""
    lines: list[str] = []
    where: Where = {}

    def put(text: str, *parts: tuple[int | str, ...]) -> None:
        lines.extend(draw(st.lists(st.sampled_from(["", "  ", "# [services.api]", '# url = "x"']), max_size=2)))
        lines.extend(text.split("\n"))
        for part in parts:
            where.setdefault(part, len(lines))

    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4)):
        service = ("services", name)
        put(f"[services.{json.dumps(name)}]", service)
        put(
            draw(st.sampled_from(['url = "u"', "url='u' # url = 5", 'url = """\nfirst\n[services.api]\n"""'])),
            (*service, "url"),
        )
        put(
            draw(st.sampled_from(['depends_on = ["a", "b"]', 'depends_on = [\n  "a", # one\n\n  "b"\n  ]'])),
            *((*service, "depends_on", *index) for index in ((), (0,), (1,))),
        )
        for probe in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2)):
            key, here = json.dumps(probe), (*service, "probes", probe)
            match draw(st.sampled_from(["table", "dotted", "inline"])):
                case "table":
                    put(f"[services.{json.dumps(name)}.probes.{key}]", here)
                    put('kind = "http"', (*here, "kind"))
                    put("fields.status = ['ok']", (*here, "fields", "status", 0))
                case "inline":
                    put(
                        f"[services.{json.dumps(name)}.probes]\n{key} = {{ kind = 'http', path = '/' }}",
                        here,
                        (*here, "kind"),
                    )
                    break
                case _:
                    put(f"[services.{json.dumps(name)}.probes]\n{key}.kind = 'http'", here, (*here, "kind"))
                    put(f"{key}.expect_status = [\n200\n,404]", (*here, "expect_status", 1))
                    break
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"])), where


@PROPERTY
@given(written())
def test_the_line_of_a_part_is_the_one_that_completes_it(document: tuple[str, Where]) -> None:
    text, where = document
    assert {place: line_of(text, place) for place in where} == where


@PROPERTY
@given(written(), st.sampled_from(["missing", 7]))
def test_the_line_of_what_is_missing_is_its_tables(document: tuple[str, Where], missing: str | int) -> None:
    text, where = document
    tables = {place: line for place, line in where.items() if len(place) == 2 or place[-2] == "probes"}
    assert {place: line_of(text, (*place, missing)) for place in tables} == tables


EVERY_WAY = """# the first line says nothing

services.api.url = "https://api.example"
services.api.probes.live = { kind = "http", path = "/" }
services.api.probes.deep.fields.status = [
  "ok",
  "up",
] # done

[services.web.probes.web]
kind = "http"
contains = '''
needs = "nothing"
'''
needs = "database"
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("services",), 3),
        (("services", "api"), 3),
        (("services", "api", "url"), 3),
        (("services", "api", "probes"), 4),
        (("services", "api", "probes", "live", "path"), 4),
        (("services", "api", "probes", "live", "needs"), 4),
        (("services", "api", "probes", "deep"), 8),
        (("services", "api", "probes", "deep", "fields", "status", 0), 8),
        (("services", "web"), 10),
        (("services", "web", "probes", "web", "contains"), 14),
        (("services", "web", "probes", "web", "needs"), 15),
        (("services", "nowhere"), 3),
        (("nowhere",), 1),
        (("services", "bad name", "[key]"), 3),
    ],
)
def test_the_line_is_found_in_every_way_of_writing(place: tuple[int | str, ...], line: int) -> None:
    assert line_of(EVERY_WAY, place) == line


def test_a_name_may_begin_with_a_bracket() -> None:
    assert line_of('[services.api]\n[services."[web]"]', ("services", "[web]", "[key]")) == 2


@pytest.mark.parametrize("sign", ["\u2028", "\u0085", "\\n"])
def test_only_a_new_line_begins_a_line(sign: str) -> None:
    text = f'[services.api.probes.live]\ncontains = "one{sign}two"\nkind = "tcp"\n'
    assert line_of(text, ("services", "api", "probes", "live", "kind")) == 3
