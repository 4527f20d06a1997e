"""`demo load` and `demo reset`: the field's figures through the doors, and back to nothing."""

import shutil

import click

from schemas.database import connect
from schemas.errors import NotAllowed
from schemas.migrate import unmigrate
from schemas.settings import Settings
from schemas.words import Words
from suishoupai.commands.console import Commands, Console, pass_console
from suishoupai.commands.database import prepare_database
from suishoupai.demo.accounts import read_accounts
from suishoupai.demo.load import Figures, load
from suishoupai.greeting import addresses
from suishoupai.lock import exclusive_run
from suishoupai.programs import run_dir_of

# What lies under DATA_DIR besides the keys, which outlive a reset.
_EMPTIED = ("photos", "incoming", "scratch", "demo")


@click.group(cls=Commands)
def demo() -> None:
    """Demo data."""


@demo.command("load")
@pass_console
def load_demo(console: Console) -> None:
    """Bring the demo about through both doors; what is there already is left as it is."""
    settings = console.settings()
    with console.database(settings) as database:
        accounts = read_accounts(settings)
        if accounts is not None and accounts.finished:
            words = Words("演示数据已经在了。", "The demo data is here already.")
            console.result({"loaded": False}, words.say(console.locale))
            return
        figures = load(settings, database, addresses=addresses(settings), progress=console.progress)
    document = {"loaded": True, "figures": vars(figures)}
    console.result(document, _sentence(figures).say(console.locale))


def _sentence(figures: Figures) -> Words:
    return Words(
        f"演示数据已就绪：登记骑手 {figures.riders} 人；沈阳收到举报 {figures.received} 条，"
        f"查实处理 {figures.done} 条，核查整改中 {figures.under_way} 条；"
        f"各地共 {figures.reports} 条。",
        f"The demo is ready: {figures.riders} riders; Shenyang: {figures.received} reports, "
        f"{figures.done} verified and dealt with, {figures.under_way} in verification or "
        f"rectification; {figures.reports} reports in all.",
    )


@demo.command()
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--force", is_flag=True, help="Also where no demo was loaded.")
@pass_console
def reset(console: Console, *, yes: bool, force: bool) -> None:
    """Remove every report, case, account and photo of this DATA_DIR and database."""
    settings = console.settings()
    if read_accounts(settings) is None and not force:
        raise NotAllowed(
            "not-a-demo",
            Words(
                "这里没有演示数据，可能是真实数据，未作任何删除。确要清空请加 --force。",
                "No demo was loaded here, so this may be real data; nothing was removed. "
                "Add --force to remove it all the same.",
            ),
        )
    if not yes:
        words = Words(
            f"将清空数据库和 {settings.data_dir} 下的照片与队列，无法恢复。继续吗？",
            f"This empties the database and the photos and queue under {settings.data_dir}, "
            "for good. Go on?",
        )
        click.confirm(words.say(console.locale), abort=True, err=True)
    # Held throughout: no process may have these files open.
    with exclusive_run(run_dir_of(settings)):
        _empty(settings)
        prepare_database(settings)
    words = Words("已清空。", "Everything was removed.")
    console.result({"reset": True}, words.say(console.locale))


def _empty(settings: Settings) -> None:
    if settings.embedded_database:
        for path in settings.data_dir.glob("suishoupai.sqlite3*"):
            path.unlink()
    else:
        database = connect(settings)
        try:
            unmigrate(database, revision="base")
        finally:
            database.close()
    for name in _EMPTIED:
        shutil.rmtree(settings.data_dir / name, ignore_errors=True)
    # Port and password may stay; what was queued is about reports that are gone.
    shutil.rmtree(settings.queue_dir / "appendonlydir", ignore_errors=True)
