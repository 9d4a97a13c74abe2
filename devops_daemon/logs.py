"""The log: one line an event, JSON as Railway reads it or coloured for eyes, and never a secret in it."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from devops_daemon.redaction import Redactor

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_CHATTY = ("apscheduler", "alembic", "aiohttp.access", "sqlalchemy", "markdown_it")


def configure(*, level: str, json_lines: bool, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logging through one chain that redacts last but the rendering.

    Uncaught exceptions and warnings go the same way, so that no code path can print past it.
    """
    ours: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*ours[1:-1], structlog.stdlib.ExtraAdder(), ours[-1]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redacting(redactor),
                *_rendering(json_lines=json_lines, colors=(stream or sys.stdout).isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(LEVELS[level])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # where stdout is gone, logging would print the arguments as they are
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *ours,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Log what no task awaited, instead of the loop printing it."""

    def report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        structlog.get_logger("asyncio").error(
            "loop.error", reason=context.get("message"), exc_info=context.get("exception")
        )

    loop.set_exception_handler(report)


def _rendering(*, json_lines: bool, colors: bool) -> list[Processor]:
    if json_lines:
        return [
            structlog.processors.EventRenamer("message"),
            _important_first,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]


def _important_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = [key for key in ("timestamp", "level", "message") if key in event]
    return {key: event[key] for key in (*first, *(key for key in event if key not in first))}


def _redacting(redactor: Redactor) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {_encodable(redactor.text(str(key))): _encodable(redactor.value(value)) for key, value in event.items()}

    return redact


def _encodable(value: Any) -> Any:  # noqa: ANN401 # plain values, as the redactor leaves them
    """Write what UTF-8 cannot hold (half of a surrogate pair) as an escape, so that no line is lost."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger("python").critical("uncaught", exc_info=(kind, error, traceback))
