"""What the product keeps: accounts, sessions, feedback and rows without a parent, in memory.

`now` is an argument wherever a row is dated.
"""

import secrets
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypedDict, Unpack

PILE = 5_000
"""Sessions that pile up; a product in health has a handful."""
PILE_AGE = timedelta(hours=48)
PILER = "nightly-import"


@dataclass(frozen=True, slots=True)
class User:
    """An account; the password is in the clear, nobody lives here."""

    id: int
    username: str
    display_name: str
    password: str

    def shown(self) -> dict[str, object]:
        """Give what the product says of an account: all but the password."""
        return {"id": self.id, "username": self.username, "display_name": self.display_name}


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that has not been ended."""

    token: str
    username: str
    created_at: datetime


class Said(TypedDict, total=False):
    """What may come with a feedback, besides the message."""

    feedback_type: str
    email: str | None
    name: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a visitor wrote to the team; pending until it has an issue."""

    id: int
    message: str
    created_at: datetime
    feedback_type: str = "bug"
    email: str | None = None
    name: str | None = None
    user_agent: str | None = None
    github_issue_url: str | None = None

    def shown(self) -> dict[str, object]:
        """Give the row as the product lists it: what was not said is left out."""
        optional = {"email": self.email, "name": self.name, "user_agent": self.user_agent}
        return {
            "id": self.id,
            "feedback_type": self.feedback_type,
            "message": self.message,
            "created_at": self.created_at.isoformat(),
            **{field: value for field, value in optional.items() if value is not None},
        }


class Database:
    """The product's tables; they may be looked into and laid out by tests."""

    def __init__(self) -> None:
        """Start without accounts, and with the few orphans that any product has."""
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self.feedback: dict[int, Feedback] = {}
        self.orphans: Counter[str] = Counter(messages=3, memberships=1)

    def register(self, username: str, display_name: str, password: str) -> User | None:
        """Make an account; None if the name is taken."""
        if username in self.users:
            return None
        user = User(len(self.users) + 1, username, display_name, password)
        self.users[username] = user
        return user

    def sign_in(self, username: str, password: str, now: datetime) -> Session | None:
        """Open a session; None if name and password do not fit."""
        user = self.users.get(username)
        if user is None or user.password != password:
            return None
        return self.open_session(username, now)

    def open_session(self, username: str, now: datetime) -> Session:
        """Add a session row."""
        session = Session(secrets.token_urlsafe(24), username, now)
        self.sessions[session.token] = session
        return session

    def signed_in(self, token: str) -> User | None:
        """Say whose token this is."""
        session = self.sessions.get(token)
        return self.users.get(session.username) if session else None

    def clear_stale_sessions(self, older_than: timedelta, now: datetime, *, dry_run: bool) -> int:
        """Delete the sessions older than that, or only count them."""
        stale = [session.token for session in self.sessions.values() if now - session.created_at > older_than]
        if not dry_run:
            for token in stale:
                del self.sessions[token]
        return len(stale)

    def clear_orphans(self, *, dry_run: bool) -> dict[str, int]:
        """Delete the rows without a parent, or only count them; by table."""
        found = dict(self.orphans)
        if not dry_run:
            self.orphans = Counter(dict.fromkeys(found, 0))
        return found

    def counts(self) -> dict[str, int]:
        """Count the rows, by table."""
        return {
            "users": len(self.users),
            "sessions": len(self.sessions),
            "feedback": len(self.feedback),
            **self.orphans,
        }

    def add_feedback(self, message: str, now: datetime, **rest: Unpack[Said]) -> Feedback:
        """Add what a visitor wrote."""
        row = Feedback(len(self.feedback) + 1, message, now, **rest)
        self.feedback[row.id] = row
        return row

    def pending_feedback(self, limit: int) -> list[Feedback]:
        """List what has no issue yet, oldest first."""
        pending = (row for row in self.feedback.values() if row.github_issue_url is None)
        return list(islice(pending, limit))

    def process_feedback(self, number: int, github_issue_url: str) -> Feedback | None:
        """Note the issue of a row; None if there is no such row."""
        row = self.feedback.get(number)
        if row is None:
            return None
        self.feedback[number] = replace(row, github_issue_url=github_issue_url)
        return self.feedback[number]

    def pile_sessions(self, now: datetime) -> None:
        """Let a job that signs in and never out fill the sessions."""
        self.register(PILER, "Nightly import", secrets.token_urlsafe())
        for _ in range(PILE):
            self.open_session(PILER, now - PILE_AGE)

    def unpile_sessions(self) -> None:
        """Take the pile away, and leave everyone else's sessions."""
        left = [session for session in self.sessions.values() if session.username != PILER]
        self.sessions = {session.token: session for session in left}

    def is_piled(self) -> bool:
        """Say whether any of the pile is left."""
        return any(session.username == PILER for session in self.sessions.values())
