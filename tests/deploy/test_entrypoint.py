"""The image's entry point: it hands DATA_DIR over, drops root, and stays the process that SIGTERM reaches."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parents[2] / "deploy" / "entrypoint.sh"
PATIENCE = 20.0
NOBODY = pwd.getpwnam("nobody")
THE_USER = (NOBODY.pw_uid, NOBODY.pw_gid)

pytestmark = pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is not here")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to become")

# Tells who it is, waits, and tells how it ended.
DAEMON = """
trap 'echo stopped; exit 3' TERM
echo "$$ $(id -u) $(id -g) $DATA_DIR $HOME"
while :; do sleep 0.05; done
"""


@dataclass
class Container:
    """The entry point in a folder of its own; `become` stands before it: the rights that it starts with."""

    folder: Path
    become: list[str] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        return [*self.become, "sh", str(self.entrypoint), *arguments]

    @property
    def entrypoint(self) -> Path:
        return self.folder / "entrypoint.sh"

    def environment(self, settings: Mapping[str, str | Path]) -> dict[str, str]:
        common = {"PATH": os.environ["PATH"], "HOME": "/root", "DAEMON_USER": "nobody"}
        return common | {name: str(value) for name, value in settings.items()}

    def run(self, *arguments: str, **settings: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(settings),
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    @contextmanager
    def daemon(self, **settings: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Start the daemon that tells who it is; whatever is left of it is killed in the end."""
        with subprocess.Popen(
            self.command("sh", "-c", DAEMON),
            env=self.environment(settings),
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as daemon:
            try:
                yield daemon
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(daemon.pid, signal.SIGKILL)


@pytest.fixture
def container() -> Iterator[Container]:
    """Make a container whose folders everybody may enter, as in an image and unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    shutil.copy(ENTRYPOINT, folder)
    yield Container(folder)
    shutil.rmtree(folder)


@pytest.fixture
def ordinary(container: Container) -> Container:
    """Make a container that is started as nobody, as with `docker run --user`."""
    if os.geteuid() == 0:
        ids = [f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}"]
        container.become = ["setpriv", *ids, "--clear-groups"]
    return container


def owner(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


@as_root
def test_the_daemon_is_the_process_that_was_started_runs_as_its_user_and_hears_sigterm(
    container: Container,
) -> None:
    volume = container.folder / "volume"
    volume.mkdir()
    with container.daemon(DATA_DIR=volume) as daemon:
        assert daemon.stdout is not None
        pid, uid, gid, data, home = daemon.stdout.readline().split()
        daemon.send_signal(signal.SIGTERM)
        said, _ = daemon.communicate(timeout=PATIENCE)
    assert said == "stopped\n"
    assert (int(pid), int(uid), int(gid)) == (daemon.pid, *THE_USER)
    assert (data, home) == (str(volume), NOBODY.pw_dir)
    assert daemon.returncode == 3


@as_root
def test_a_volume_that_belongs_to_root_is_given_to_the_user_with_all_in_it(container: Container) -> None:
    volume = container.folder / "volume"
    (volume / "lost+found").mkdir(parents=True, mode=0o700)
    (volume / "devops-daemon.db").write_text("kept")
    done = container.run("sh", "-c", 'cd "$DATA_DIR"; cat devops-daemon.db; touch new', DATA_DIR=volume)
    assert (done.returncode, done.stdout, done.stderr) == (0, "kept", "")
    assert {path.name: owner(path) for path in (volume, *volume.iterdir())} == {
        "volume": THE_USER,
        "lost+found": THE_USER,
        "devops-daemon.db": THE_USER,
        "new": THE_USER,
    }


@as_root
def test_a_link_in_the_volume_gives_nothing_away_that_is_outside_of_it(container: Container) -> None:
    outside = container.folder / "passwd"
    outside.touch()
    volume = container.folder / "volume"
    volume.mkdir()
    (volume / "link").symlink_to(outside)
    assert container.run("true", DATA_DIR=volume).returncode == 0
    assert owner(outside) == (0, 0)
    assert owner(volume / "link") == THE_USER


@as_root
def test_a_folder_that_is_not_there_is_made(container: Container) -> None:
    data = container.folder / "some" / "where"
    assert container.run("true", DATA_DIR=data).returncode == 0
    assert owner(data) == THE_USER


@as_root
def test_railway_s_volume_is_the_data_directory_where_none_is_set(container: Container) -> None:
    volume = container.folder / "volume"
    volume.mkdir()
    done = container.run("sh", "-c", 'echo "$DATA_DIR"', RAILWAY_VOLUME_MOUNT_PATH=volume)
    assert done.stdout.strip() == str(volume)
    assert owner(volume) == THE_USER


@as_root
def test_a_data_directory_that_is_set_goes_before_railway_s_volume(container: Container) -> None:
    volume = container.folder / "volume"
    volume.mkdir()
    settings = {"DATA_DIR": volume / "daemon", "RAILWAY_VOLUME_MOUNT_PATH": volume}
    done = container.run("sh", "-c", 'echo "$DATA_DIR"', **settings)
    assert done.stdout.strip() == str(volume / "daemon")
    assert (owner(volume), owner(volume / "daemon")) == ((0, 0), THE_USER)


@as_root
def test_the_daemon_has_no_privileges_and_cannot_get_any(container: Container) -> None:
    facts = "^(CapInh|CapPrm|CapEff|NoNewPrivs):"
    done = container.run("grep", "-E", facts, "/proc/self/status", DATA_DIR=container.folder)
    none = "0000000000000000"
    assert done.stdout.split() == ["CapInh:", none, "CapPrm:", none, "CapEff:", none, "NoNewPrivs:", "1"]


@as_root
def test_the_exit_code_is_the_command_s(container: Container) -> None:
    assert container.run("sh", "-c", "exit 2", DATA_DIR=container.folder).returncode == 2


@as_root
@pytest.mark.parametrize("folder", ["/", "/etc", "/usr/local/", "/var/../tmp"])
def test_a_folder_of_the_system_is_never_given_away(container: Container, folder: str) -> None:
    container.become = ["setpriv", "--bounding-set=-chown", "--inh-caps=-all"]  # should it try all the same
    done = container.run("true", DATA_DIR=folder)
    what = "is the system's own folder and would be given away: name one of its own"
    assert (done.returncode, done.stderr) == (1, f"entrypoint: DATA_DIR {folder} {what}\n")


@as_root
def test_a_user_that_is_not_there_is_an_error_of_one_line(container: Container) -> None:
    done = container.run("true", DATA_DIR=container.folder, DAEMON_USER="nobody-such")
    assert (done.returncode, done.stderr) == (1, "entrypoint: there is no user nobody-such (DAEMON_USER)\n")


@as_root
def test_root_without_the_right_to_change_users_is_told_so(container: Container) -> None:
    container.become = ["setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-all"]
    done = container.run("true", DATA_DIR=container.folder)
    assert (done.returncode, done.stderr) == (
        1,
        "entrypoint: root may not become nobody here (CAP_SETUID, CAP_SETGID): start it as that user\n",
    )


@as_root
def test_a_data_directory_that_is_a_file_is_an_error_of_one_line(container: Container) -> None:
    done = container.run("true", DATA_DIR=container.entrypoint)
    assert (done.returncode, done.stderr) == (
        1,
        f"entrypoint: DATA_DIR {container.entrypoint} cannot be made: is it a file, or read-only?\n",
    )


@as_root
def test_a_data_directory_below_a_closed_folder_is_an_error_of_one_line(container: Container) -> None:
    closed = container.folder / "closed"
    closed.mkdir(mode=0o700)
    data = closed / "data"
    done = container.run("true", DATA_DIR=data)
    assert (done.returncode, done.stderr) == (1, f"entrypoint: DATA_DIR {data} cannot be written by nobody\n")


def test_an_ordinary_user_stays_who_it_is(ordinary: Container) -> None:
    ordinary.folder.chmod(0o777)
    with ordinary.daemon(DATA_DIR=ordinary.folder / "data") as daemon:
        assert daemon.stdout is not None
        pid, uid, *_, data, home = daemon.stdout.readline().split()
        daemon.send_signal(signal.SIGTERM)
        said, _ = daemon.communicate(timeout=PATIENCE)
    assert said == "stopped\n"
    assert (int(pid), int(uid)) == (daemon.pid, NOBODY.pw_uid if ordinary.become else os.geteuid())
    assert (data, home, daemon.returncode) == (str(ordinary.folder / "data"), "/root", 3)


@as_root
def test_an_ordinary_user_s_folder_that_is_not_its_own_is_an_error_of_one_line(ordinary: Container) -> None:
    done = ordinary.run("true", DATA_DIR=ordinary.folder)
    assert (done.returncode, done.stderr) == (
        1,
        f"entrypoint: DATA_DIR {ordinary.folder} cannot be written by uid {NOBODY.pw_uid}\n",
    )


@as_root
def test_a_folder_that_an_ordinary_user_may_not_make_is_an_error_of_one_line(ordinary: Container) -> None:
    data = ordinary.folder / "data"
    done = ordinary.run("true", DATA_DIR=data)
    assert (done.returncode, done.stderr) == (
        1,
        f"entrypoint: DATA_DIR {data} cannot be made by uid {NOBODY.pw_uid}\n",
    )


def test_no_command_is_an_error_of_one_line(container: Container) -> None:
    done = container.run()
    assert (done.returncode, done.stderr) == (
        1,
        "entrypoint: no command to run; the image's own is: devops-daemon run\n",
    )
