"""`up`: the whole product with one command."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import click
from sqlalchemy.exc import SQLAlchemyError

from schemas.database import connect
from schemas.errors import ConfigurationError, SuishoupaiError
from schemas.settings import Settings
from schemas.words import Words
from suishoupai.commands.codes import code_line, new_codes
from suishoupai.commands.console import Command, Console, pass_console
from suishoupai.commands.database import prepare_database
from suishoupai.demo.accounts import Accounts, demo_is_wanted, ensure_staff
from suishoupai.embedded import port_fault
from suishoupai.greeting import banner, doors_answer
from suishoupai.lock import exclusive_run
from suishoupai.output import Output
from suishoupai.programs import child_environ, own_command, programs_of, run_dir_of
from suishoupai.supervisor import Supervisor

_JOIN_WITHIN_S = 1.0
_NO_ACCOUNTS = Words("演示账号没有建成", "The demo accounts were not made")
_NO_CODES = Words(
    "验证码不能显示在这里，请用 riders codes 查看",
    "Sign-in codes can't be shown here, see `riders codes`",
)


@click.command(cls=Command)
@pass_console
def up(console: Console) -> None:
    """Serve the product: both doors, the machine room, the clock and the queue."""
    settings = console.settings(process="up")
    with exclusive_run(run_dir_of(settings)) as lock:
        _check_ports(settings)
        output = _output(console, settings)
        output.say(Words("正在启动……", "Starting…"), event="starting")
        prepare_database(settings)
        log_format = "json" if output.as_json else "console"
        environ = child_environ(settings, os.environ, log_format=log_format)
        supervisor = Supervisor(
            programs_of(settings, environ),
            environ=environ,
            run_dir=run_dir_of(settings),
            output=output,
            keep_open=(lock,),
        )
        with _greeting(console, settings, supervisor, output):
            supervisor.run()


def _check_ports(settings: Settings) -> None:
    """Raise ConfigurationError naming the variable of a port that can't be used."""
    for variable, port in (
        ("INTAKE_PORT", settings.intake_port),
        ("REVIEW_PORT", settings.review_port),
    ):
        fault = port_fault(port)
        if fault is not None:
            example = f"{variable}={port + 100 if port < 65_000 else port - 100}"
            raise ConfigurationError(
                "port-taken",
                Words(
                    f"端口 {port} 用不了（{fault.strerror}）：请用环境变量 {variable} "
                    f"换一个端口，例如 {example}。",
                    f"Port {port} can't be used ({fault.strerror}): set {variable} to another "
                    f"one, such as {example}.",
                ),
                field=variable,
            )


def _output(console: Console, settings: Settings) -> Output:
    stream = sys.stderr if console.as_json else sys.stdout
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not stream.isatty()
    )
    return Output(as_json=as_json or console.as_json, locale=console.locale, stream=stream)


@contextmanager
def _greeting(
    console: Console, settings: Settings, supervisor: Supervisor, output: Output
) -> Iterator[None]:
    """Beside the supervisor, say where everything is as soon as both doors answer."""
    ended = threading.Event()

    def greet() -> None:
        accounts = _demo_accounts(settings)
        if not doors_answer(settings, ended):
            return
        document, text = banner(settings, accounts)
        if console.as_json:
            console.result(document, text)
        else:
            output.plain(text)
        if accounts is not None and not accounts.finished:
            supervisor.add(own_command("demo", "demo", "load"))

    def show_codes() -> None:
        with closing(connect(settings)) as database:
            for shown in new_codes(settings, database, ended):
                output.plain(f"  {code_line(shown).say(output.locale)}")

    beside = [_guarded(greet, output, _NO_ACCOUNTS)]
    # Codes are for the eyes of whoever sits here: a stream that is kept is no console.
    if not settings.sms_gateway_url and not output.as_json and sys.stdout.isatty():
        beside.append(_guarded(show_codes, output, _NO_CODES))
    threads = [threading.Thread(target=work, daemon=True) for work in beside]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        # Making accounts may take seconds more; each is a transaction, and comes again.
        for thread in threads:
            thread.join(_JOIN_WITHIN_S)


def _demo_accounts(settings: Settings) -> Accounts | None:
    database = connect(settings)
    try:
        return ensure_staff(settings, database) if demo_is_wanted(settings, database) else None
    finally:
        database.close()


def _guarded(work: Callable[[], None], output: Output, fails: Words) -> Callable[[], None]:
    """Return `work` such that an error is told and does not end the product."""

    def run() -> None:
        try:
            work()
        except (SuishoupaiError, SQLAlchemyError, OSError) as error:
            output.say(
                Words(
                    f"{fails.zh}（{type(error).__name__}），服务不受影响。",
                    f"{fails.en} ({type(error).__name__}); the service runs all the same.",
                ),
                event="beside_failed",
                error=type(error).__name__,
            )

    return run
