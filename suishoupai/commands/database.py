"""`migrate`: bring the database to its present form and seed the market-regulation units."""

import click
from sqlalchemy import text

from schemas.database import Database, connect
from schemas.migrate import migrate as migrate_database
from schemas.searching import is_missing, rebuild_all
from schemas.settings import Settings
from schemas.units import seed_market_units
from schemas.words import Words
from suishoupai.commands.console import Command, Console, pass_console, require_database


def prepare_database(settings: Settings) -> int:
    """Migrate and seed; of two that start at once the second waits and finds it done.

    Cases from before there was a search are indexed. Returns how many units were made.
    Raises Unavailable while the database is away.
    """
    database = connect(settings)
    try:
        require_database(database)
        migrate_database(database)
        with database.reading() as session:
            is_unsearchable = is_missing(session)
        if is_unsearchable:
            rebuild_all(database.write, tick=lambda _done, _total: None)
        return _seed(database)
    finally:
        database.close()


def _seed(database: Database) -> int:
    with database.writing() as session:
        if session.get_bind().dialect.name == "postgresql":
            # Without this lock two that find no unit would both begin to make them.
            session.execute(text("LOCK TABLE units IN SHARE ROW EXCLUSIVE MODE"))
        return seed_market_units(session)


@click.command(cls=Command)
@pass_console
def migrate(console: Console) -> None:
    """Bring the database to its present form and seed the units; safe to repeat."""
    settings = console.settings()
    made = prepare_database(settings)
    words = Words(
        f"数据库已是最新结构；新建承办机构 {made} 个。",
        f"The database is in its present form; {made} units were made.",
    )
    console.result({"units_made": made}, words.say(console.locale))
