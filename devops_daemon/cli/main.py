"""The commands: thin, each a call of the app, of the running daemon, or of an adapter."""

import sys

import typer

from devops_daemon.cli import acting, daemon, hosting
from devops_daemon.cli.action import action
from devops_daemon.cli.audit import audit
from devops_daemon.cli.database import connect
from devops_daemon.cli.deliveries import deliveries
from devops_daemon.cli.diagnose import diagnose
from devops_daemon.cli.doctor import doctor
from devops_daemon.cli.incidents import declare, incidents
from devops_daemon.cli.logs import logs
from devops_daemon.cli.output import WRONG
from devops_daemon.cli.provisioning import add
from devops_daemon.cli.status import status
from devops_daemon.cli.switches import pause, resume, silence, unsilence
from devops_daemon.cli.variables import variables
from devops_daemon.configuration import CannotStartError
from devops_daemon.settings import WrongSettingsError

COMMANDS = (
    *(daemon.run, daemon.demo, daemon.check, doctor, status, incidents),
    *(declare, action),
    *(audit, diagnose, deliveries, pause, resume, silence, unsilence),
    *(logs, hosting.deployments, hosting.metrics),
    *(acting.redeploy, acting.restart, acting.rollback, acting.cancel, acting.down),
    connect,
)
"""In the order in which `--help` lists them."""

cli = typer.Typer(
    name="devops-daemon",
    help="Keeps a product on Railway healthy: watches it, answers for its incidents, tells people the truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    cli.command()(command)
# an assignment that stands where none is read must not be repeated by a complaint of the parser
cli.command(context_settings={"allow_extra_args": True})(variables)
cli.add_typer(add, name="add")


def main() -> None:
    """Run the command line."""
    try:
        cli()
    except WrongSettingsError as error:
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
        sys.exit(WRONG)
    except CannotStartError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.code)
