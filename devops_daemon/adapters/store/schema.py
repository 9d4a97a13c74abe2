"""The tables. On PostgreSQL they stand in the schema `devops_daemon`, on SQLite in the file.

A change here needs a revision in `migrations/versions`; a test compares the two on both databases.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

SCHEMA = "devops_daemon"
REVISION = "0007"
"""The newest revision; alembic is imported only where the database is behind it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware time: `timestamptz` on PostgreSQL, whole microseconds since 1970 on SQLite, which has no such type."""

    impl = sa.TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        return dialect.type_descriptor(sa.BigInteger() if dialect.name == "sqlite" else sa.TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """Turn a time into what the column holds; raises ValueError on a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware here")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401 # as the driver gives it
        """Turn what the column holds into a time."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return _EPOCH + int(value) * _MICROSECOND
        at: datetime = value
        return at.astimezone(UTC)


BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData()

probe = sa.Table(
    "probe",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("settled", sa.Text, nullable=False),
    sa.Column("blind", sa.Boolean, nullable=False),
    sa.Column("since", UtcTime),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("successes", sa.Integer, nullable=False),
    sa.Column("passes", sa.Integer, nullable=False),
    sa.Column("slow", sa.Integer, nullable=False),
    sa.Column("failing_since", UtcTime),
    sa.Column("history", sa.Text, nullable=False),
    sa.Column("flapping", sa.Boolean, nullable=False),
    sa.Column("proven", sa.Text),
    sa.Column("repeats", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("latency_ms", sa.Float),
    sa.Column("checked_at", UtcTime),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", UtcTime),
    sa.Column("version", sa.Integer, nullable=False),
)

result = sa.Table(
    "result",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("latency_ms", sa.Float),
    sa.Column("detail", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

hourly = sa.Table(
    "hourly",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ok", sa.Integer, nullable=False),
    sa.Column("degraded", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("unknown", sa.Integer, nullable=False),
    sa.Column("timed", sa.Integer, nullable=False),
    sa.Column("latency_ms", sa.Float, nullable=False),
    sa.Column("worst_latency_ms", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

tick = sa.Table(
    "tick",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("slot", UtcTime, primary_key=True),
    sa.Column("taken_at", UtcTime, nullable=False),
    sa.Column("began_at", UtcTime),
    sqlite_with_rowid=False,
)

permit = sa.Table(
    "permit",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("taken_at", UtcTime, nullable=False),
)

reference = sa.Table(
    "reference",
    metadata,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("answered_at", UtcTime, nullable=False),
)

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("cause_service", sa.Text, nullable=False),
    sa.Column("cause_name", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("detected_at", UtcTime, nullable=False),
    sa.Column("resolved_at", UtcTime),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("reopened_at", UtcTime),
    sa.Column("resolved_by", sa.Text),
    sa.Column("severity_by", sa.Text),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("acknowledged_until", UtcTime),
    sa.Column("addressed_at", UtcTime),
    sa.Column("escalated_at", UtcTime),
    sa.Column("escalated_for", sa.Text, nullable=False, server_default=""),
    sa.Column("overdue_at", UtcTime),
    sa.Column("quiet_until", UtcTime),
    sa.Column("episode", sa.Integer, nullable=False, server_default="1"),
    sa.Column("held", sa.Text, nullable=False, server_default=""),
    sa.Column("suspect", sa.Text),
    sa.Column("suspect_told", sa.Text, nullable=False, server_default=""),
    sa.Column("failing_since", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("stands", sa.Text),
    sa.Column("issue", BIG),
    sa.Column("issue_url", sa.Text, nullable=False, server_default=""),
    sa.Column("continues", sa.Text, nullable=False, server_default=""),
    sa.Index("incident_opened_at", "opened_at"),
)

incident_member = sa.Table(
    "incident_member",
    metadata,
    sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("symptom", sa.Text, nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("recovered_at", UtcTime),
    sa.Column("outage", sa.Boolean, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Index(
        "incident_member_active",
        "service",
        "name",
        "outage",
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    ),
)
"""A probe is in one open outage at most, and in one open lesser incident: the index is what makes that so."""

incident_event = sa.Table(
    "incident_event",
    metadata,
    sa.Column("id", BIG, primary_key=True, autoincrement=True),
    sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

turn = sa.Table(
    "turn",
    metadata,
    sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("duty", sa.Text, primary_key=True),
    sa.Column("next_at", UtcTime),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("held_by", sa.Text),
    sa.Column("held_until", UtcTime),
)
"""Who answers for which incident, by duty: what is done and what is told do not wait for each other."""

remedy = sa.Table(
    "remedy",
    metadata,
    sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("service_id", sa.Text, nullable=False),
    sa.Column("watched", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("began_at", UtcTime, nullable=False),
    sa.Column("target_id", sa.Text),
    sa.Column("target_changed_at", UtcTime),
    sa.Column("code", sa.Text),
    sa.Column("leaves", sa.Text),
    sa.Column("down_before", sa.Integer, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("deployment_id", sa.Text),
    sa.Column("live_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("came", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("dry", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("remedy_service", "service", "began_at"),
)
"""What was done against outages: each is written down before it is done, and the limits are counted here."""

effect = sa.Table(
    "effect",
    metadata,
    sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("done_at", UtcTime),
    sa.Column("reference", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""What was told of incidents, each once."""

silence = sa.Table(
    "silence",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("until", UtcTime, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("said_by", sa.Text, nullable=False),
)
"""Services about which a person wants it quiet; `all` is every one."""

signal = sa.Table(
    "signal",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("severity", sa.Text),
    sa.Column("since", UtcTime),
    sa.Column("counted_from", UtcTime),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("known_at", UtcTime),
)
"""How the signals beside the probes stand, so that one that cannot be read after a restart is what it was."""

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("pull", BIG, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("merged_at", UtcTime, nullable=False),
    sa.Column("failed_at", UtcTime),
    sa.Column("text", sa.Text, nullable=False),
)
"""The merged pull requests that were to end an incident."""

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("id", BIG, primary_key=True, autoincrement=True),
    sa.Column("incident", sa.Text, sa.ForeignKey("incident.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("in_public", sa.Text, nullable=False),
    sa.Column("taken_at", UtcTime, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("out_of_memory", sa.Boolean, nullable=False),
)

pull = sa.Table(
    "pull",
    metadata,
    sa.Column("number", BIG, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("head_sha", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("covered", sa.Boolean, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("green_since", UtcTime),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("ready_since", UtcTime),
    sa.Column("quiet_since", UtcTime),
    sa.Column("alarmed", sa.Text),
)
"""The open pull requests, with what was decided about each at the last look."""

check_seen = sa.Table(
    "check_seen",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)
"""When each check has last reported on any pull request: one that never reports is told with it."""

landing = sa.Table(
    "landing",
    metadata,
    sa.Column("id", BIG, primary_key=True, autoincrement=True),
    sa.Column("number", BIG, nullable=False),
    sa.Column("head_sha", sa.Text, nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("began_at", UtcTime, nullable=False, index=True),
    sa.Column("ready_since", UtcTime),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("commit", sa.Text),
    sa.Column("merged_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("came", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("note", BIG),
    sa.Column("told", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index(
        "landing_under_way",
        "base",
        unique=True,
        sqlite_where=sa.text("stage != 'ended'"),
        postgresql_where=sa.text("stage != 'ended'"),
    ),
)
"""Our merges: each is written down before it is done, and a base has one under way at most: the index makes that so."""

knot = sa.Table(
    "knot",
    metadata,
    sa.Column("number", BIG, primary_key=True, autoincrement=False),
    sa.Column("head_sha", sa.Text, primary_key=True),
    sa.Column("base_sha", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("files", sa.Text, nullable=False),
    sa.Column("hunks", sa.Text, nullable=False),
    sa.Column("new_sha", sa.Text),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("called_at", UtcTime),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Heads that conflict with their base, and what was done about each; `files` are lines."""

gauge = sa.Table(
    "gauge",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)
"""What was counted of the product when it was well, so that what is unusual can be told."""

deployment = sa.Table(
    "deployment",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("service_id", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("became", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("commit_sha", sa.Text),
    sa.Column("commit_message", sa.Text),
    sa.Column("commit_author", sa.Text),
    sa.Column("branch", sa.Text),
    sa.Column("image", sa.Text),
    sa.Column("patch_id", sa.Text),
    sa.Column("live_at", UtcTime),
    sa.Column("well_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Index("deployment_of_service", "service_id", "created_at"),
)
"""What became of each deployment, whoever started it: the platform forgets it, and its logs, sooner."""

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("guid", sa.Text, primary_key=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("form", sa.Boolean, nullable=False),
    sa.Column("body", sa.LargeBinary),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("note", sa.Text),
    sa.Index("delivery_due", "state", "due_at"),
    sa.Index("delivery_received_at", "received_at"),
    sa.Index(
        "delivery_claimed",
        "subject",
        unique=True,
        sqlite_where=sa.text("state = 'claimed'"),
        postgresql_where=sa.text("state = 'claimed'"),
    ),
)
"""One delivery of a subject is worked on at a time: the index is what makes that so. The body goes with its end."""

request = sa.Table(
    "request",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("issue", BIG, nullable=False),
    sa.Column("comment_id", BIG, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("by_agent", sa.Boolean, nullable=False),
    sa.Column("hop", sa.Integer, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("asked_at", UtcTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reply_id", BIG, unique=True),
    sa.Column("act", sa.Text),
    sa.Column("target", sa.Text),
    sa.Column("acting_since", UtcTime),
    sa.Column("code", sa.Text),
    sa.Column("deployment_id", sa.Text),
    sa.Column("followed_until", UtcTime),
    sa.Column("counted", sa.Integer),
    sa.Column("headline", sa.Text),
    sa.Column("details", sa.Text),
    sa.Column("details_in_public", sa.Text),
    sa.Column("answered_at", UtcTime),
    sa.Column("outcome", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("request_author", "author", "asked_at"),
    sa.Index("request_issue", "issue", "asked_at"),
    sa.Index("request_target", "target", "acting_since"),
)
"""What people and agents asked for. The reply's id tells our own comments; the acts count against people's limit."""

switch = sa.Table(
    "switch",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("is_on", sa.Boolean, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("last_said_at", UtcTime, nullable=False),
)

bookmark = sa.Table(
    "bookmark",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("aside", sa.Boolean, nullable=False),
    sa.Column("issue", BIG),
    sa.Column("issue_url", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("done_at", UtcTime, index=True),
    sa.Column("version", sa.Integer, nullable=False),
)
"""What was done about what each user wrote; not a word of it."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("slot", UtcTime, primary_key=True, autoincrement=False),
    sa.Column("taken_at", UtcTime, nullable=False),
    sa.Column("remarks", sa.Text, nullable=False),
    sa.Column("issue", BIG),
    sa.Column("issue_url", sa.Text, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False),
    sa.Column("in_hand_until", UtcTime),
    sa.Column("version", sa.Integer, nullable=False),
)
"""One for each slot: by that two replicas take it once."""
