"""Structured logs: JSON for machines, readable in a terminal, and nothing personal in either.

`request_id` in the context follows a tip from the door through the queue to the
last step. A processor drops keys that could hold a person or a secret, so that a
careless log call can't leak one.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from schemas.settings import Settings

FORBIDDEN_KEYS = frozenset(
    {
        "authorization",
        "description",
        "name",
        "password",
        "phone",
        "premises_name",
        "receipt_code",
        "rider_id",
        "sign_in",
        "token",
    }
)


def _drop_personal(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key in FORBIDDEN_KEYS & event.keys():
        event[key] = "[sealed]"
    return event


def configure_logs(settings: Settings, *, process: str) -> None:
    """Set up logging of this process; libraries' own records go the same way."""
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _drop_personal,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # RQ prints each job's arguments and gunicorn each start: the steps say it better.
    for noisy in ("alembic", "rq.worker", "httpx", "gunicorn.access", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)
