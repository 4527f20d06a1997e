"""`reindex`: write the words by which cases are found anew."""

import click

from schemas.searching import rebuild_all
from schemas.words import Words
from suishoupai.commands.console import Command, Console, pass_console


@click.command(cls=Command)
@pass_console
def reindex(console: Console) -> None:
    """Write every case's words for the search anew; the room may be in use meanwhile.

    The words are kept with each change by themselves: this is for cases that came from
    elsewhere, such as a restored table, or from before there was a search.
    """
    with (
        console.database(console.settings()) as database,
        console.progress(Words("重建查找索引", "Indexing cases")) as tick,
    ):
        count = rebuild_all(database.write, tick=tick)
    words = Words(f"已为 {count} 个案件重建查找索引。", f"{count} cases were indexed anew.")
    console.result({"indexed": count}, words.say(console.locale))
