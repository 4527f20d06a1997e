"""What time does to points: approves by policy, and takes back what nobody collected."""

from intake.rewards.approving import approve_due
from intake.rewards.mall import due_redemptions, expire
from schemas.database import now_utc
from workers.machine import Machine


def keep_points(machine: Machine) -> None:
    """Approve the awards that have waited for POINTS_AUTOMATIC_DAYS; 0 leaves all to people.

    What was not collected in time goes back to the stock, and its points to the rider.
    """
    now = now_utc()
    after_days = machine.settings.points_automatic_days
    if after_days:
        with machine.database.writing() as session:
            approve_due(session, now=now, after_days=after_days)
    with machine.database.reading() as session:
        due = due_redemptions(session, now=now)
    for redemption_id in due:
        # Each by itself: nobody who redeems waits for all that went back.
        with machine.database.writing() as session:
            expire(session, redemption_id=redemption_id, now=now)
