"""`requeue` and `trace`: set the pipeline to work again, and see all that it did."""

from uuid import UUID, uuid4

import click
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.database import now_utc
from schemas.errors import NotFound, Unavailable
from schemas.jobs import PROCESS_REPORT, RedisQueue, connect_queue
from schemas.numbers import REPORT_PREFIX, read_number
from schemas.settings import Settings
from schemas.tables import Report, ReportProgress
from schemas.words import Words
from suishoupai.commands.console import Command, Console, pass_console
from suishoupai.trace import readable
from suishoupai.trace import trace as trace_number


@click.command(cls=Command)
@click.argument("number", required=False)
@click.option("--all-unfinished", is_flag=True, help="Every report that is not finished.")
@pass_console
def requeue(console: Console, *, number: str | None, all_unfinished: bool) -> None:
    """Take one report, or all unfinished ones, through the pipeline again.

    What was done well stays: cases and links are not made twice, and only photos
    that could not be examined are looked at again.
    """
    if (number is None) is not all_unfinished:
        raise click.UsageError("Give either NUMBER or --all-unfinished.")
    settings = console.settings()
    with console.database(settings) as database:
        # Asked first, so that nothing is marked while the queue is away.
        queue = _queue(settings)
        with database.writing() as session:
            chosen = _unfinished(session) if number is None else [_one(session, number)]
            for progress in chosen:
                _begin_anew(session, progress)
        count = _put(queue, [progress.report_id for progress in chosen])
    words = Words(f"{count} 条举报已重新排队。", f"{count} reports were queued again.")
    console.result({"requeued": count}, words.say(console.locale))


def _unfinished(session: Session) -> list[ReportProgress]:
    return list(
        session.scalars(
            select(ReportProgress)
            .where(ReportProgress.finished_at.is_(None))
            .order_by(ReportProgress.report_id)
        )
    )


def _one(session: Session, number: str) -> ReportProgress:
    found = read_number(REPORT_PREFIX, number)
    progress = session.scalars(
        select(ReportProgress)
        .join(Report, Report.id == ReportProgress.report_id)
        .where(Report.number == found)
    ).one_or_none()
    if progress is None:
        raise NotFound(
            "number-unknown",
            Words(f"没有编号为 {found} 的举报。", f"There is no report {found}."),
            field="number",
        )
    return progress


def _begin_anew(session: Session, progress: ReportProgress) -> None:
    progress.examined_at = progress.matched_at = progress.routed_at = None
    progress.finished_at = progress.last_error = None
    progress.attempts, progress.queued_at = 0, now_utc()
    audit.record(
        session,
        actor=audit.OPERATOR,
        action="report.requeued",
        subject=("report", progress.report_id),
    )


def _queue(settings: Settings) -> RedisQueue:
    queue = connect_queue(settings.effective_redis_url)
    try:
        queue.depth()
    except RedisError:
        raise _away() from None
    return queue


def _away() -> Unavailable:
    return Unavailable(
        "queue-away",
        Words(
            "队列服务没有应答：请先运行 suishoupai up，或检查 REDIS_URL。",
            "The queue server does not answer: run `suishoupai up`, or check REDIS_URL.",
        ),
        field="REDIS_URL",
    )


def _put(queue: RedisQueue, report_ids: list[UUID]) -> int:
    run = f"requeue-{uuid4().hex[:16]}"
    for count, report_id in enumerate(report_ids):
        if not queue.put(PROCESS_REPORT, report_id, request_id=run):
            # The rest is marked as unfinished, so that the clock's sweep takes it on.
            return count
    return len(report_ids)


@click.command(cls=Command)
@click.argument("number")
@pass_console
def trace(console: Console, *, number: str) -> None:
    """Show all that is known of a report (JB…) or a case (AJ…), but not who reported it."""
    settings = console.settings()
    with console.database(settings) as database, database.reading() as session:
        found = trace_number(
            session, number=number, locale="en" if console.locale == "en" else "zh"
        )
        console.result(found, readable(found))
