"""The commands of `suishoupai`, one file a subject."""

import os

import click

from suishoupai.commands.audit import verify_audit
from suishoupai.commands.bulletins import bulletins
from suishoupai.commands.console import Commands
from suishoupai.commands.database import migrate
from suishoupai.commands.demo import demo
from suishoupai.commands.docs import docs
from suishoupai.commands.draws import draws
from suishoupai.commands.evidence import evidence
from suishoupai.commands.jurisdictions import jurisdictions
from suishoupai.commands.keys import keys
from suishoupai.commands.matching import rematch
from suishoupai.commands.people import stations_group
from suishoupai.commands.pipeline import requeue, trace
from suishoupai.commands.retention import retention
from suishoupai.commands.riders import riders
from suishoupai.commands.search import reindex
from suishoupai.commands.staff import staff
from suishoupai.commands.units import units
from suishoupai.commands.up import up
from suishoupai.commands.workdays import workdays


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="suishoupai", message="%(package)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """随手拍 Suishoupai: riders photograph food-safety hazards; the right inspector gets them."""
    # What a command writes, and every process that `up` starts, is for its owner alone.
    before = os.umask(0o077)
    context.call_on_close(lambda: os.umask(before))


for _command in (
    up,
    migrate,
    riders,
    stations_group,
    staff,
    units,
    jurisdictions,
    workdays,
    docs,
    demo,
    requeue,
    rematch,
    reindex,
    trace,
    verify_audit,
    keys,
    evidence,
    retention,
    bulletins,
    draws,
):
    cli.add_command(_command)
