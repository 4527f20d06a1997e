"""`keys`: which secret keys are needed, and sealing everything anew under the newest."""

from collections import Counter
from uuid import UUID

import click
from cryptography.fernet import Fernet

from intake.riders.resealing import count_rows, keys_in_use, reseal_batch, sealed_columns
from schemas import audit
from schemas.database import Database
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.vapid import new_private_key, public_key_of
from schemas.words import Words
from suishoupai.commands.console import Commands, Console, Tick, pass_console

# The keys are no row of the database; the log needs something to point to.
ALL_KEYS = UUID(int=0)


@click.group(cls=Commands)
def keys() -> None:
    """Secret keys: make one, see which are needed, seal everything anew."""


@keys.command()
@pass_console
def new(console: Console) -> None:
    """Print a new key, to be put in front of SECRET_KEYS; it is kept nowhere."""
    key = Fernet.generate_key().decode()
    console.result({"key": key}, key)


@keys.command()
@pass_console
def vapid(console: Console) -> None:
    """Print a new key pair for Web Push; it is kept nowhere.

    The private key is VAPID_PRIVATE_KEY. A new one makes every browser subscribe anew.
    """
    private = new_private_key()
    public = public_key_of(private)
    console.result(
        {"private_key": private, "public_key": public},
        f"VAPID_PRIVATE_KEY={private}\n# {public}",
    )


@keys.command()
@pass_console
def status(console: Console) -> None:
    """Say how many sealed records need which of SECRET_KEYS."""
    settings = console.settings()
    with console.database(settings) as database, database.reading() as session:
        used = keys_in_use(session, sealer=Sealer(settings))
    _report(console, settings, used, resealed=None)


@keys.command()
@pass_console
def rotate(console: Console) -> None:
    """Seal everything anew under the newest key; stop and repeat it as you like.

    First put the new key in front of SECRET_KEYS and restart every process; then
    rotate; then take the older keys away.
    """
    settings = console.settings()
    sealer = Sealer(settings)
    with console.database(settings) as database:
        with console.progress(Words("重新封存", "Sealing anew")) as tick:
            resealed = _reseal_all(database, sealer, tick)
        with database.reading() as session:
            used = keys_in_use(session, sealer=sealer)
        if resealed:
            with database.writing() as session:
                audit.record(
                    session,
                    actor=audit.OPERATOR,
                    action="keys_rotated",
                    subject=("keys", ALL_KEYS),
                    after={"resealed": resealed},
                )
    _report(console, settings, used, resealed=resealed)


def _reseal_all(database: Database, sealer: Sealer, tick: Tick) -> int:
    with database.reading() as session:
        total = sum(count_rows(session, sealed) for sealed in sealed_columns())
    seen = resealed = 0
    for sealed in sealed_columns():
        after, more = None, True
        while more:
            # One short transaction a batch: nobody waits, and what is done stays done.
            with database.writing() as session:
                batch = reseal_batch(session, sealer=sealer, sealed=sealed, after=after)
            seen, resealed = seen + batch.seen, resealed + batch.resealed
            after, more = batch.last, batch.last is not None
            tick(min(seen, total), total)
    return resealed


def _report(
    console: Console, settings: Settings, used: Counter[int], *, resealed: int | None
) -> None:
    given = len(settings.secret_keys)
    old = sum(count for index, count in used.items() if index)
    may_drop = old == 0 and given > 1
    lines = []
    if resealed is not None:
        lines.append(Words(f"重新封存了 {resealed} 条。", f"{resealed} records were sealed anew."))
    for index in range(given):
        name = Words(
            "最新的密钥" if index == 0 else f"第 {index + 1} 个密钥",
            "newest key" if index == 0 else f"key {index + 1}",
        )
        lines.append(
            Words(f"{name.zh}：{used[index]} 条需要它", f"{name.en}: {used[index]} records need it")
        )
    if may_drop:
        lines.append(
            Words(
                "旧密钥可以从 SECRET_KEYS 中去掉：请确认每个进程都已用新密钥重启过；"
                "旧备份仍需旧密钥，请与备份分开保存。",
                "The older keys may be taken from SECRET_KEYS, if every process was restarted "
                "with the new one. Older backups still need them: keep them, apart from those.",
            )
        )
    elif old:
        lines.append(
            Words(
                "旧密钥还不能去掉：请运行 keys rotate。",
                "The older keys are still needed: run `keys rotate`.",
            )
        )
    document = {
        "records": {str(index): used[index] for index in range(given)},
        "older_keys_may_be_dropped": may_drop,
    }
    if resealed is not None:
        document["resealed"] = resealed
    console.result(document, "\n".join(line.say(console.locale) for line in lines))
