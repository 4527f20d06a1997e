"""How many new tips an hour: per rider, device and network address, counted on the queue server.

Only what was newly taken counts, so a repeat of an answered key never meets the limit.
While the queue server is away each process counts for itself.
"""

import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from limits import RateLimitItem, RateLimitItemPerHour
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter

from intake.answers import Reporter
from intake.identity.waiting import too_often
from schemas.database import now_utc
from schemas.errors import ConfigurationError, TooMany
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.words import Words

log = structlog.get_logger()
PREFIX = "suishoupai-limits"
_LOOKED = Words(
    "查得太多了，请在 {until} 以后再查；店名可以自己写。",
    "That was asked too often: ask again after {until}; the shop's name can be written by hand.",
)
ASK_AGAIN_AFTER_S = 5.0


class SharedCounter:
    """Counts on the queue server for all processes of a door; while it is away, for one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shared: RateLimiter | None = None
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._away_until = 0.0

    @contextmanager
    def counting(self) -> Iterator[RateLimiter]:
        """Lend the shared counter; when it fails meanwhile, this one look or count is let go."""
        shared = self._find_shared()
        if shared is None:
            yield self._own
            return
        try:
            yield shared
        except StorageError:
            log.warning("limits_away")
            self._shared, self._away_until = None, time.monotonic() + ASK_AGAIN_AFTER_S

    def _find_shared(self) -> RateLimiter | None:
        if self._shared is None and time.monotonic() >= self._away_until:
            try:
                url = self._settings.effective_redis_url
            except ConfigurationError:
                self._away_until = time.monotonic() + ASK_AGAIN_AFTER_S
                return None
            storage = RedisStorage(
                url.replace("unix://", "redis+unix://", 1),
                key_prefix=PREFIX,
                wrap_exceptions=True,
                socket_connect_timeout=1,
                socket_timeout=1,
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)
        return self._shared


class TipLimits:
    """The limits of new tips; what is counted is a keyed digest, never an address or an id."""

    def __init__(self, settings: Settings, sealer: Sealer) -> None:
        self._sealer = sealer
        self._per_rider = RateLimitItemPerHour(settings.rider_tips_per_hour)
        self._per_device = RateLimitItemPerHour(settings.device_tips_per_hour, namespace="device")
        self._per_address = RateLimitItemPerHour(settings.address_tips_per_hour)
        # A phone asks once a day for each tenth of a degree that it is in.
        self._looks_per_address = RateLimitItemPerHour(
            settings.address_tips_per_hour, namespace="around"
        )
        self._counter = SharedCounter(settings)

    def look_around(self, address: str) -> None:
        """Count one question for the shops of a cell; raises TooMany `shops-too-often`."""
        subject = self._sealer.digest("limit-address", network_of(address))
        item = self._looks_per_address
        with self._counter.counting() as limiter:
            if not limiter.hit(item, subject):
                reset = limiter.get_window_stats(item, subject).reset_time
                until = datetime.fromtimestamp(reset, UTC)
                raise too_often("shops-too-often", _LOOKED, now=now_utc(), until=until)

    def check(self, reporter: Reporter, address: str, device: str = "") -> None:
        """Raise TooMany `rate-limited` when a further tip from here is one too many.

        `device` is the random name that a browser was given; one without is counted by
        its address alone.
        """
        for item, subject in self._items(reporter, address, device):
            with self._counter.counting() as limiter:
                if not limiter.test(item, subject):
                    raise _too_many(limiter.get_window_stats(item, subject).reset_time)

    def count(self, reporter: Reporter, address: str, device: str = "") -> None:
        """Count one tip that was newly taken."""
        for item, subject in self._items(reporter, address, device):
            with self._counter.counting() as limiter:
                limiter.hit(item, subject)

    def _items(
        self, reporter: Reporter, address: str, device: str
    ) -> Iterator[tuple[RateLimitItem, str]]:
        if reporter.rider_id:
            yield self._per_rider, self._sealer.digest("limit-rider", str(reporter.rider_id))
        if device:
            yield self._per_device, self._sealer.digest("limit-device", device)
        yield self._per_address, self._sealer.digest("limit-address", network_of(address))


def network_of(address: str) -> str:
    """Return whom an address stands for: itself, or the /64 that one IPv6 line is given."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _too_many(reset_time: float) -> TooMany:
    return too_often(
        "rate-limited",
        Words(
            "这一小时内发得太多了，请在 {until} 以后再发。照片先留在手机里，不会丢。",
            "Too many tips within the hour: send again after {until}. Keep the photos on the "
            "phone; nothing is lost.",
        ),
        now=now_utc(),
        until=datetime.fromtimestamp(reset_time, UTC),
    )
