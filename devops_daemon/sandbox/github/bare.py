"""The repository itself: real git in a folder of its own, without a work tree."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devops_daemon.sandbox.github.accounts import Account
from devops_daemon.sandbox.github.moments import now

ZEROS = "0" * 40
GUARDED, NO_WORKFLOWS = "SANDBOX_GUARDED", "SANDBOX_NO_WORKFLOWS"
"""In a push's environment: the branches that may not be pushed to, and that no workflow may be changed."""
_UPDATE = rf"""#!/bin/sh
case " ${GUARDED} " in *" $1 "*)
  echo "GH006: Protected branch update failed for $1." >&2; exit 1;;
esac
case "$3" in {ZEROS}) exit 0;; esac
if test -n "${NO_WORKFLOWS}" && test -n "$(git log -1 --format=%H "$3" --not --all -- .github/workflows)"; then
  echo "refusing to allow ${NO_WORKFLOWS} to create or update workflow without \`workflow\` scope" >&2; exit 1
fi
"""
_SETTINGS = {
    "http.receivepack": "true",
    "receive.hideRefs": "refs/pull",
    "uploadpack.hideRefs": "refs/forks",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
}


class GitError(Exception):
    """Git did not do it; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is named in a commit."""

    name: str
    email: str
    date: str

    @classmethod
    def of(cls, account: Account) -> "Person":
        """Name an account, now."""
        return cls(account.login, account.email, f"{int(now().timestamp())} +0000")


class Bare:
    """A bare repository, by the git command; raises GitError."""

    def __init__(self, path: Path) -> None:
        """Nothing is made yet."""
        self.path = path

    async def make(self, branch: str) -> None:
        """Make it, empty, as GitHub sets its own up."""
        await self.git("init", "--quiet", "--bare", "--template=", "-b", branch, str(self.path), where=Path("/"))
        sections = (f"[{key.rpartition('.')[0]}]\n\t{key.rpartition('.')[2]} = {to}\n" for key, to in _SETTINGS.items())
        with (self.path / "config").open("a", encoding="utf-8") as config:
            config.writelines(sections)
        hook = self.path / "hooks/update"
        hook.parent.mkdir()
        hook.write_text(_UPDATE, encoding="utf-8")
        hook.chmod(0o755)

    async def git(
        self, *arguments: str, told: bytes = b"", env: Mapping[str, str] | None = None, where: Path | None = None
    ) -> str:
        """Run git and give what it printed."""
        code, out, said = await self.run(*arguments, told=told, env=env, where=where)
        if code:
            raise GitError(f"git {arguments[0]}: {said or out}")
        return out

    async def run(
        self, *arguments: str, told: bytes = b"", env: Mapping[str, str] | None = None, where: Path | None = None
    ) -> tuple[int, str, str]:
        """Run git, whatever becomes of it."""
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            cwd=where or self.path,
            env={**clean_environment(), **(env or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate(told)
        code = process.returncode or 0
        return code, out.decode(errors="replace").rstrip("\n"), said.decode(errors="replace").strip()

    async def refs(self, *patterns: str) -> dict[str, str]:
        """List the refs with their commits."""
        out = await self.git("for-each-ref", "--format=%(refname) %(objectname)", *patterns)
        return dict(line.rsplit(" ", 1) for line in out.splitlines())

    async def sha(self, revision: str) -> str | None:
        """Find the commit of a revision, None where there is none; a branch is looked up without git, if it can be."""
        if revision.startswith("refs/heads/") and ".." not in revision and (self.path / revision).is_file():
            return (self.path / revision).read_text(encoding="ascii").strip()
        code, out, _ = await self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return None if code else out

    async def set_ref(self, ref: str, sha: str | None, expected: str | None = None) -> None:
        """Move a ref, or delete it; with what it is expected to be, only from there."""
        old = [expected] if expected else []
        command = ["-d", ref] if sha is None else [ref, sha]
        await self.git("update-ref", *command, *old)

    async def commit(
        self, ref: str, base: str | None, files: Mapping[str, str | bytes | None], message: str, author: Account
    ) -> str:
        """Put a commit with these changes (None deletes) upon a base, at a ref; gives its sha."""
        who = Person.of(author)
        text = message.encode()
        head = f"commit {ref}\nmark :1\ncommitter {who.name} <{who.email}> {who.date}\ndata {len(text)}\n"
        parts = [b"feature done\n", head.encode(), text, b"\n"]
        parts += [f"from {base}\n".encode()] if base else []
        parts += [_changed(name, content) for name, content in files.items()]
        told = b"".join([*parts, b"\nget-mark :1\ndone\n"])
        return await self.git("fast-import", "--quiet", "--force", "--done", told=told)

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether one commit is in the history of another."""
        code, _, _ = await self.run("merge-base", "--is-ancestor", older, newer)
        return code == 0


def clean_environment() -> dict[str, str]:
    """Give git an environment in which no configuration of this machine counts."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _changed(name: str, content: str | bytes | None) -> bytes:
    if content is None:
        return f"D {name}\n".encode()
    data = content.encode() if isinstance(content, str) else content
    return f"M 100644 inline {name}\ndata {len(data)}\n".encode() + data + b"\n"
