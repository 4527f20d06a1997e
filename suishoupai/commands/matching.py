"""`rematch`: compare what was received since a day by today's thresholds."""

from dataclasses import asdict
from datetime import datetime

import click

from intake.photos import make_store
from schemas.words import Words
from schemas.workdays import SHANGHAI
from suishoupai.commands.console import Command, Console, pass_console
from workers.machine import make_memory
from workers.policy import policy_of
from workers.rematch import rematch as compare_anew


@click.command(cls=Command)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="First day, Asia/Shanghai: reports received from then on.",
)
@pass_console
def rematch(console: Console, *, since: datetime) -> None:
    """Compare reports anew by the thresholds of the settings; the product may run meanwhile.

    Nothing that a person decided is changed, and no link is made or ended: open cases
    get a hint. Broken off, the same command goes on where it was.
    """
    settings = console.settings()
    with (
        console.database(settings) as database,
        console.progress(Words("重新比对", "Comparing anew")) as tick,
    ):
        done = compare_anew(
            database,
            store=make_store(settings),
            since=since.replace(tzinfo=SHANGHAI),
            policy=policy_of(settings),
            memory=make_memory(settings),
            tick=tick,
        )
    words = Words(
        f"看了 {done.seen} 条举报：{done.known} 条已按现行阈值比对过，{done.left} 条已有结论或"
        f"尚在处理中，未改动。新发现 {done.found} 处相似，{done.withdrawn} 处不再成立；"
        f"有 {done.doubted} 处并案的依据需要人工核对。",
        f"Looked at {done.seen} reports: {done.known} were compared by these thresholds before, "
        f"{done.left} have a conclusion or are still under way and stay. {done.found} new "
        f"resemblances, {done.withdrawn} hold no longer; {done.doubted} links are to be checked "
        "by a person.",
    )
    console.result(asdict(done), words.say(console.locale))
