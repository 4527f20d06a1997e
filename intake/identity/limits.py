"""How often one-time codes may be asked for and tried, per device and network address.

Phones are counted in the codes' own rows. Mobile networks put thousands of riders behind
one address, so its limit is wide and an operator's to set; a device that keeps no cookie
is counted by its address alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from limits import RateLimitItem, RateLimitItemPerHour

from intake.identity.waiting import too_often
from intake.limits import SharedCounter, network_of
from schemas.database import now_utc
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.words import Words

PER_DEVICE = RateLimitItemPerHour(10, namespace="code-device")
TRIES_PER_DEVICE = RateLimitItemPerHour(40, namespace="try-device")
# Each code that an address may ask for may be tried as often as a code may be.
TRIES_PER_CODE = 5
# A finger slips; four digits must not be tried through.
CONFIRMATIONS_PER_RIDER = RateLimitItemPerHour(5, namespace="confirm-rider")
_ASKED = Words(
    "获取验证码太频繁，请在 {until} 以后再试。",
    "Too many codes were asked for from here: try again after {until}.",
)
_TRIED = Words(
    "验证码试得太多了，请在 {until} 以后再试。",
    "Too many codes were tried from here: try again after {until}.",
)
_CONFIRMED = Words(
    "试得太多了，没有删除，请在 {until} 以后再试。",
    "That was tried too often and nothing was deleted: try again after {until}.",
)


class SignInLimits:
    """Counts by keyed digests, on the queue server for all processes."""

    def __init__(self, settings: Settings, sealer: Sealer) -> None:
        self._sealer = sealer
        self._counter = SharedCounter(settings)
        wide = settings.address_codes_per_hour
        self._per_address = RateLimitItemPerHour(wide, namespace="code-address")
        self._tries_per_address = RateLimitItemPerHour(
            wide * TRIES_PER_CODE, namespace="try-address"
        )

    def ask(self, *, device: str, address: str) -> None:
        """Count one code that is asked for; raises TooMany `codes-too-often`."""
        counted = self._subjects((PER_DEVICE, self._per_address), device, address)
        self._count(counted, "codes-too-often", _ASKED)

    def attempt(self, *, device: str, address: str) -> None:
        """Count one code that is tried; raises TooMany `tries-too-often`."""
        counted = self._subjects((TRIES_PER_DEVICE, self._tries_per_address), device, address)
        self._count(counted, "tries-too-often", _TRIED)

    def confirm(self, *, rider_id: UUID) -> None:
        """Count one try at what only a rider knows; raises TooMany `confirmations-too-often`."""
        subject = self._sealer.digest("limit-rider", str(rider_id))
        counted = iter([(CONFIRMATIONS_PER_RIDER, subject)])
        self._count(counted, "confirmations-too-often", _CONFIRMED)

    def _subjects(
        self, items: tuple[RateLimitItem, RateLimitItem], device: str, address: str
    ) -> Iterator[tuple[RateLimitItem, str]]:
        if device:
            yield items[0], self._sealer.digest("limit-device", device)
        yield items[1], self._sealer.digest("limit-address", network_of(address))

    def _count(self, counted: Iterator[tuple[RateLimitItem, str]], code: str, words: Words) -> None:
        for item, subject in counted:
            with self._counter.counting() as limiter:
                if not limiter.hit(item, subject):
                    reset = limiter.get_window_stats(item, subject).reset_time
                    until = datetime.fromtimestamp(reset, UTC)
                    raise too_often(code, words, now=now_utc(), until=until)
