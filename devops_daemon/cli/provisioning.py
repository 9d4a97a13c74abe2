"""`add`: a database or an empty service, unless it is there already."""

from typing import Annotated

import typer

from devops_daemon.cli.acting import ask_person, must_be_able_to_ask
from devops_daemon.cli.connection import Connection, connected
from devops_daemon.cli.options import AsJson, Yes
from devops_daemon.cli.output import print_rows, say
from devops_daemon.hosting import Added, Engine

add = typer.Typer(help="Add a database or an empty service, unless it is there already.", no_args_is_help=True)


@add.command()
def database(
    engine: Annotated[Engine, typer.Argument(help="Which kind.")],
    *,
    another: Annotated[bool, typer.Option("--another", help="Add one although there is one of its kind.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Add a database from Railway's own template, and wait until it is there."""
    must_be_able_to_ask(yes=yes)
    with connected() as line:
        hosting = line.hosting()
        there = hosting.databases(engine)
        if there and not another:
            _print(line, Added(there[0].id, there[0].name, made=False), as_json=as_json)
            return
        say(line.plain(f"add a {engine} database to {hosting.environment} of {hosting.project}: it costs what it uses"))
        if not yes:
            ask_person("Go on?")
        _print(line, line.ask(line.platform.add_database(engine, another=another)), as_json=as_json)


@add.command()
def service(
    name: Annotated[str, typer.Argument(help="1 to 32 characters.")], *, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Add an empty service: nothing is deployed before it has a source."""
    must_be_able_to_ask(yes=yes)
    with connected() as line:
        hosting = line.hosting()
        there = next((each for each in hosting.services if each.name.lower() == name.lower()), None)
        if there:
            _print(line, Added(there.id, there.name, made=False), as_json=as_json)
            return
        say(line.plain(f"add an empty service {name} to {hosting.environment} of {hosting.project}"))
        if not yes:
            ask_person("Go on?")
        _print(line, line.ask(line.platform.add_service(name)), as_json=as_json)


def _print(line: Connection, added: Added, *, as_json: bool) -> None:
    outcome = "added" if added.made else "there already"
    row = {"service": added.name, "outcome": outcome, "id": added.service_id}
    print_rows([row], as_json=as_json, redactor=line.redactor)
