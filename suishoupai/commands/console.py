"""What all commands share: options, language, results, progress, and how they fail.

A refusal is one clear line on standard error and exit code 1; wrong usage is 2.
With `--json` standard output holds one JSON document and nothing else, also when
the command was refused.
"""

import json
import logging
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import click
from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import DBAPIError, StatementError

from schemas.database import Database, connect, is_transient
from schemas.errors import SuishoupaiError, Unavailable
from schemas.logs import configure_logs
from schemas.migrate import check_migrated
from schemas.settings import Settings, load_settings
from schemas.words import Words

# Tells a long task how far the work is: steps done so far, of how many.
Tick = Callable[[int, int], None]


@dataclass
class Console:
    """How this run of the command line speaks."""

    as_json: bool = False
    locale: str = ""
    debug: bool = False

    def __post_init__(self) -> None:
        self.locale = self.locale or locale_of(os.environ)

    def settings(self, *, process: str = "command") -> Settings:
        """Read the settings and set up the logs; a command's speak of trouble only."""
        settings = load_settings()
        configure_logs(settings, process=process)
        quiet = logging.getLogger() if process == "command" else logging.getLogger("alembic")
        quiet.setLevel(logging.WARNING)
        return settings

    @contextmanager
    def database(self, settings: Settings) -> Iterator[Database]:
        """Lend the database; raises Unavailable when it is away or was never migrated."""
        database = connect(settings)
        try:
            require_database(database)
            check_migrated(database)
            yield database
        finally:
            database.close()

    def result(self, data: Mapping[str, Any], text: str) -> None:
        """Print what came out: the document for programs or the text for people."""
        if self.as_json:
            click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=_plain))
        else:
            click.echo(text)

    def note(self, words: Words) -> None:
        """Tell people how the work goes; programs are not told."""
        if not self.as_json:
            click.echo(words.say(self.locale), err=True)

    @contextmanager
    def progress(self, words: Words) -> Iterator[Tick]:
        """Show how far a long task is: a bar on a terminal, a line each tenth elsewhere."""
        label = words.say(self.locale)
        if self.as_json:
            yield _silent
        elif sys.stderr.isatty():
            bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Terminal(stderr=True),
            )
            with bar:
                task = bar.add_task(label, total=None)
                yield lambda done, total: bar.update(task, completed=done, total=total)
        else:
            yield _line_each_tenth(label)

    def fail(self, error: SuishoupaiError) -> NoReturn:
        """Say why the command was refused and end with exit code 1."""
        sentence = error.words.say(self.locale)
        if self.as_json:
            document = {"code": error.code, "detail": sentence, "field": error.field}
            click.echo(json.dumps({"error": document | error.facts}, ensure_ascii=False))
        click.echo(sentence, err=True)
        sys.exit(1)

    def crash(self, error: Exception) -> NoReturn:
        """Keep an unexpected error's traceback in a file, name it, and end with exit code 1."""
        _hide_values(error)
        if self.debug:
            traceback.print_exception(error)
        path = _keep_traceback(error)
        self.fail(
            SuishoupaiError(
                "unexpected",
                Words(
                    f"程序出错了（{type(error).__name__}），详情在 {path}。",
                    f"Something went wrong ({type(error).__name__}); the details are in {path}.",
                ),
            )
        )


def locale_of(environ: Mapping[str, str]) -> str:
    """Return `zh` where the shell's locale is Chinese, else `en` (POSIX: LC_ALL, …, LANG)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "zh" if environ[name].startswith("zh") else "en"
    return "en"


def require_database(database: Database) -> None:
    """Raise Unavailable, in an operator's words, unless the database answers."""
    try:
        database.check()
    except Unavailable:
        raise _database_away() from None


def _database_away() -> Unavailable:
    return Unavailable(
        "database-away",
        Words(
            "数据库没有应答：请确认它在运行，并检查 DATABASE_URL。",
            "The database does not answer: see that it runs, and check DATABASE_URL.",
        ),
        field="DATABASE_URL",
    )


def _is_away(error: DBAPIError) -> bool:
    # SQLite reports a table that is not there under the same class as a busy file.
    is_wrong = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return is_transient(error) and not is_wrong


def console_of(context: click.Context) -> Console:
    """Return the console of this run; it hangs on the outermost context."""
    return context.find_root().ensure_object(Console)


def pass_console(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the console as its first argument."""

    def call(*args: Any, **kwargs: Any) -> Any:
        context = click.get_current_context()
        return context.invoke(function, console_of(context), *args, **kwargs)

    call.__name__, call.__doc__ = function.__name__, function.__doc__
    call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    return call


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(console_of(context), name, value)

    return callback


def shared_options() -> list[click.Parameter]:
    """Return the options that stand before or after any command's name."""
    return [
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_remember("as_json"),
            help="Print one JSON document.",
        ),
        click.Option(
            ["--lang"],
            type=click.Choice(["zh", "en"]),
            expose_value=False,
            callback=_remember("locale"),
            help="Language of sentences; else by LC_ALL and LANG.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_remember("debug"),
            help="Show tracebacks.",
        ),
    ]


class Command(click.Command):
    """A command that knows the shared options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()


class Commands(click.Group):
    """A group that knows the shared options and turns errors into one clear line."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; every refusal and every surprise ends here."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except SuishoupaiError as error:
            console_of(ctx).fail(error)
        except DBAPIError as error:
            if _is_away(error):
                console_of(ctx).fail(_database_away())
            console_of(ctx).crash(error)
        except Exception as error:  # noqa: BLE001 - the last resort of every command
            console_of(ctx).crash(error)


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Path):
        return str(value)
    raise TypeError(f"not for JSON: {type(value).__name__}")


def _silent(_done: int, _total: int) -> None:
    """Programs are told the result only."""


def _line_each_tenth(label: str) -> Tick:
    shown = -1

    def tick(done: int, total: int) -> None:
        nonlocal shown
        tenth = done * 10 // total if total else 10
        if tenth > shown:
            shown = tenth
            click.echo(f"{label}: {done}/{total}", err=True)

    return tick


def _hide_values(error: BaseException | None) -> None:
    """Keep the values of failed statements out of the traceback: they may be personal."""
    while error is not None:
        if isinstance(error, StatementError):
            error.hide_parameters = True
        error = error.__cause__ or error.__context__


def _keep_traceback(error: Exception) -> Path:
    directory = Path(os.environ.get("DATA_DIR") or "var") / "log"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = (directory / "command-errors.log").absolute()
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now().astimezone().isoformat()}\n")
        file.writelines(traceback.format_exception(error))
    path.chmod(0o600)
    return path
