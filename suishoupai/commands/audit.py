"""`verify-audit`: walk the hash chain of the audit log."""

import click

from schemas.audit import Verification, verify
from schemas.words import Words
from suishoupai.commands.console import Command, Console, pass_console

_FAULTS = {
    "link-missing": Words("链上缺少一环", "a link of the chain is missing"),
    "link-reordered-or-altered": Words("链被改动或调换", "a link was altered or moved"),
    "entry-missing": Words("记录被删除", "the entry was removed"),
    "entry-altered": Words("记录被改动", "the entry was altered"),
}


@click.command("verify-audit", cls=Command)
@pass_console
def verify_audit(console: Console) -> None:
    """Verify the audit log; exit code 1 names the first broken entry."""
    settings = console.settings()
    with console.database(settings) as database, database.reading() as session:
        found = verify(session)
    document = {
        "whole": found.fault is None,
        "sealed": found.sealed,
        "unsealed": found.unsealed,
        "head": found.head,
        "fault": found.fault,
        "fault_sequence": found.fault_sequence,
        "fault_entry": found.fault_entry,
    }
    console.result(document, _sentence(found).say(console.locale))
    if found.fault is not None:
        raise click.exceptions.Exit(1)


def _sentence(found: Verification) -> Words:
    if found.fault is None:
        return Words(
            f"审计链完整：{found.sealed} 条已封存，{found.unsealed} 条待封存，链头 {found.head}。",
            f"The audit chain is whole: {found.sealed} entries sealed, {found.unsealed} waiting, "
            f"head {found.head}.",
        )
    fault = _FAULTS[found.fault]
    return Words(
        f"审计链在第 {found.fault_sequence} 环断裂：{fault.zh}（记录 {found.fault_entry}）。"
        f"此前 {found.sealed} 条完整。",
        f"The audit chain breaks at link {found.fault_sequence}: {fault.en} "
        f"(entry {found.fault_entry}). The {found.sealed} before it are whole.",
    )
