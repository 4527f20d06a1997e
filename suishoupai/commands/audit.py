"""`verify-audit`: walk the hash chain of the audit log."""

import click

from schemas.audit import Verification, keep_verification, verify
from schemas.words import Words
from suishoupai.commands.console import Command, Console, pass_console

_FAULTS = {
    "link-missing": Words("链上缺少一环", "a link of the chain is missing"),
    "link-reordered-or-altered": Words("链被改动或调换", "a link was altered or moved"),
    "entry-missing": Words("记录被删除", "the entry was removed"),
    "entry-altered": Words("记录被改动", "the entry was altered"),
    "head-changed": Words(
        "与上次核验时的链头不符", "the head is not the one that the last verification met"
    ),
    "end-missing": Words(
        "链比上次核验时短，末尾被截去", "the chain is shorter than at the last verification"
    ),
    "kept-head-unknown": Words(
        "您给出的链头不在链上", "the head that you gave stands nowhere in the chain"
    ),
    "entry-unwatched": Words(
        "记录既未封存，也不在待封存之列", "the entry is neither sealed nor waiting to be"
    ),
}


@click.command("verify-audit", cls=Command)
@click.option("--head", "kept_head", help="A head that you wrote down; it must stand in the chain.")
@pass_console
def verify_audit(console: Console, *, kept_head: str | None) -> None:
    """Verify the audit log; exit code 1 names the first broken entry."""
    settings = console.settings()
    with console.database(settings) as database:
        with database.reading() as session:
            found = verify(session, kept_head=kept_head.strip().lower() if kept_head else None)
        # A wrong head that somebody gave says nothing about the chain itself.
        if found.fault != "kept-head-unknown":
            with database.writing() as session:
                keep_verification(session, found=found)
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
    where = Words("审计链有误", "The audit chain is broken")
    if found.fault_sequence is not None:
        where = Words(
            f"审计链在第 {found.fault_sequence} 环断裂",
            f"The audit chain breaks at link {found.fault_sequence}",
        )
    entry = Words("", "")
    if found.fault_entry is not None:
        entry = Words(f"（记录 {found.fault_entry}）", f" (entry {found.fault_entry})")
    return Words(
        f"{where.zh}：{fault.zh}{entry.zh}。此前 {found.sealed} 条完整。",
        f"{where.en}: {fault.en}{entry.en}. The {found.sealed} before it are whole.",
    )
