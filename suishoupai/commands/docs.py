"""`docs lifecycle`: the table of transitions as a drawn state diagram, for docs/lifecycle.md."""

import click

from schemas.diagram import lifecycle_page
from suishoupai.commands.console import Commands, Console, pass_console


@click.group(cls=Commands)
def docs() -> None:
    """Documents that are made from the program's own tables."""


@docs.command()
@pass_console
def lifecycle(console: Console) -> None:
    """Print the life of a case as Markdown with a state diagram (docs/lifecycle.md)."""
    text = lifecycle_page()
    console.result({"markdown": text}, text.rstrip("\n"))
