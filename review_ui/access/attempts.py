"""How often somebody may try to sign in, counted on the queue server for all processes.

What protects a password is the lock of the account in the database; this keeps a
flood of attempts from holding the processors with argon2, and one address from
trying the same few passwords on every name.
"""

from limits import RateLimitItem, RateLimitItemPerMinute

from intake.limits import SharedCounter, network_of
from schemas.errors import TooMany
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.words import Words

PER_ADDRESS = RateLimitItemPerMinute(30, namespace="sign-in-address")
PER_NAME = RateLimitItemPerMinute(10, namespace="sign-in-name")


class AttemptLimits:
    """Counts attempts per network address and per name, both as keyed digests."""

    def __init__(self, settings: Settings) -> None:
        self._sealer = Sealer(settings)
        self._counter = SharedCounter(settings)

    def check(self, *, address: str, name: str) -> None:
        """Count one attempt with a password or a code; raises TooMany `sign-in-too-often`."""
        counted: tuple[tuple[RateLimitItem, str], ...] = (
            (PER_ADDRESS, self._sealer.digest("sign-in-address", network_of(address))),
            (PER_NAME, self._sealer.digest("sign-in-name", name)),
        )
        if not all(self._hit(item, subject) for item, subject in counted):
            raise TooMany(
                "sign-in-too-often",
                Words(
                    "登录尝试太频繁，请一分钟后再试。",
                    "Too many attempts to sign in: try again in a minute.",
                ),
                retry_after_s=60,
            )

    def _hit(self, item: RateLimitItem, subject: str) -> bool:
        with self._counter.counting() as limiter:
            return limiter.hit(item, subject)
        # The counter went away meanwhile: the lock of the account still holds.
        return True
