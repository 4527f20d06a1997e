"""How often somebody may try to sign in.

Each server process counts for itself: what protects a password is the lock of the
account in the database, and this only keeps a flood of attempts from holding the
processors with argon2.
"""

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from intake.limits import network_of
from schemas.errors import TooMany
from schemas.words import Words

PER_ADDRESS = RateLimitItemPerMinute(30)
PER_NAME = RateLimitItemPerMinute(10)


class AttemptLimits:
    """Counts attempts per network address and per name."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check(self, *, address: str, name: str) -> None:
        """Count one attempt; raises TooMany `sign-in-too-often`."""
        counted: tuple[tuple[RateLimitItem, str], ...] = (
            (PER_ADDRESS, network_of(address)),
            (PER_NAME, name),
        )
        if not all(self._limiter.hit(item, subject) for item, subject in counted):
            raise TooMany(
                "sign-in-too-often",
                Words(
                    "登录尝试太频繁，请一分钟后再试。",
                    "Too many attempts to sign in: try again in a minute.",
                ),
                retry_after_s=60,
            )
