"""Entry points that the queue calls by name (schemas.jobs); their arguments are ids as text.

The machine is made once per process, before it forks: the worker calls `use` at its
start and every job finds what it gave.
"""

from uuid import UUID

import structlog

from workers import attachments, pipeline
from workers.machine import Machine

log = structlog.get_logger()
_machines: list[Machine] = []


def use(machine: Machine) -> None:
    """Give the machine to all jobs that this process and its children will run."""
    _machines[:] = [machine]


def process_report(report_id: str, request_id: str) -> None:
    """Examine, match and route one report; `request_id` is of the request that brought it."""
    with structlog.contextvars.bound_contextvars(request_id=request_id, report_id=report_id):
        pipeline.process(UUID(report_id), machine=_machine())


def process_supplement(supplement_id: str, request_id: str) -> None:
    """Examine what a reporter added to a report and show it on their cases."""
    with structlog.contextvars.bound_contextvars(
        request_id=request_id, supplement_id=supplement_id
    ):
        pipeline.supplement(UUID(supplement_id), machine=_machine())


def examine_attachment(attachment_id: str, request_id: str) -> None:
    """Examine a photo that staff put beside a note."""
    with structlog.contextvars.bound_contextvars(
        request_id=request_id, attachment_id=attachment_id
    ):
        attachments.examine(UUID(attachment_id), machine=_machine())


def _machine() -> Machine:
    if not _machines:
        raise LookupError("jobs run in workers.runner, which makes the machine first")
    return _machines[0]
