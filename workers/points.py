"""What time does to points: approves what nobody decided on, where policy says so."""

from intake.rewards.approving import approve_due
from schemas.database import now_utc
from workers.machine import Machine


def keep_points(machine: Machine) -> None:
    """Approve the awards that have waited for POINTS_AUTOMATIC_DAYS; 0 leaves all to people."""
    after_days = machine.settings.points_automatic_days
    if after_days:
        with machine.database.writing() as session:
            approve_due(session, now=now_utc(), after_days=after_days)
