"""Send the demo's tips through the rider's door, and wait until the machine room has done them."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
from sqlalchemy import func, select

from schemas.database import Database
from schemas.errors import Unavailable
from schemas.places import from_wgs84
from schemas.tables import Report, ReportProgress
from schemas.words import Words
from suishoupai.demo.phones import PHONES, messenger_copy, photo_file, resaved_copy
from suishoupai.demo.pictures import kitchen
from suishoupai.demo.tips import Shot, Tip, Way

Tick = Callable[[int, int], None]
_CONNECTIONS = 6
_PATIENCE_S = 90.0
_PAUSE_S = 0.25
# What a client repeats with the same key: the door or a part of it is away for now.
_REPEATED = frozenset({429, 502, 503, 504})


def require_doors(addresses: Iterable[str]) -> None:
    """Raise Unavailable `doors-away` unless every door answers now."""
    with httpx.Client(timeout=5, trust_env=False) as client:
        for address in addresses:
            try:
                client.get(f"{address}/healthz").raise_for_status()
            except (httpx.TransportError, httpx.HTTPStatusError):
                raise door_away() from None


def send_tips(
    address: str,
    tips: Sequence[Tip],
    *,
    tokens: Mapping[str, str],
    began_at: datetime,
    tick: Tick,
) -> dict[int, str]:
    """Send tips over several connections; return each one's number by its place in the plan.

    Raises Unavailable when the door stays away, and what it refused as it said it.
    """
    numbers: dict[int, str] = {}
    lock = threading.Lock()
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:

        def send(tip: Tip) -> None:
            number = _send(client, tip, tokens[str(tip.rider)], began_at)
            with lock:
                numbers[tip.number] = number
                tick(len(numbers), len(tips))

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            # Asking for every result raises what went wrong in a thread.
            list(pool.map(send, tips))
    return numbers


def wait_until_processed(database: Database, numbers: Iterable[str], tick: Tick) -> None:
    """Wait until the machine room has finished these reports.

    Raises Unavailable when it makes no headway for a minute and a half.
    """
    wanted = list(numbers)
    done, give_up_at = -1, time.monotonic() + _PATIENCE_S
    pause = threading.Event()
    while done < len(wanted):
        with database.reading() as session:
            finished = session.scalar(
                select(func.count())
                .select_from(ReportProgress)
                .join(Report, Report.id == ReportProgress.report_id)
                .where(Report.number.in_(wanted), ReportProgress.finished_at.is_not(None))
            )
        if finished != done:
            done, give_up_at = finished or 0, time.monotonic() + _PATIENCE_S
            tick(done, len(wanted))
        elif time.monotonic() > give_up_at:
            raise _standing_still()
        pause.wait(_PAUSE_S)


def photo_of(shot: Shot, began_at: datetime) -> bytes:
    """Return the file of one picture; the same shot always gives the same bytes."""
    picture = kitchen(shot.kitchen)
    if shot.way is Way.MESSENGER:
        return messenger_copy(picture)
    taken = photo_file(
        picture, phone=PHONES[shot.phone], moment=began_at - shot.age, point=shot.point
    )
    if shot.way is Way.RESAVED:
        return resaved_copy(taken, quality=62, scale=1.0)
    if shot.way is Way.SMALLER:
        return resaved_copy(taken, quality=78, scale=0.5)
    return taken


def _send(client: httpx.Client, tip: Tip, token: str, began_at: datetime) -> str:
    files = [
        ("photos", (f"IMG_{number}.jpg", photo_of(shot, began_at), "image/jpeg"))
        for number, shot in enumerate(tip.shots, start=1)
    ]
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": str(tip.key),
        "Accept-Language": "zh-CN",
    }
    give_up_at = time.monotonic() + _PATIENCE_S
    pause = threading.Event()
    while True:
        answer = _post(client, data=_form(tip, began_at), files=files, headers=headers)
        if answer is not None and answer.status_code not in _REPEATED:
            if not answer.is_success:
                raise _refused(answer)
            return str(answer.json()["number"])
        if time.monotonic() > give_up_at:
            raise door_away()
        pause.wait(_PAUSE_S)


def _post(client: httpx.Client, **content: object) -> httpx.Response | None:
    try:
        return client.post("/api/v1/reports", **content)  # type: ignore[arg-type]
    except httpx.TransportError:
        return None


def _form(tip: Tip, began_at: datetime) -> dict[str, str | list[str]]:
    form: dict[str, str | list[str]] = {
        "category": list(tip.categories),
        "captured_at": (began_at - tip.age).isoformat(timespec="seconds"),
        "description": tip.description,
        "premises_name": tip.premises_name,
        "premises_address": tip.premises_address,
        "platform": "饿了么",
        "datum": tip.datum.value,
    }
    if tip.point is not None:
        latitude, longitude = from_wgs84(tip.point, tip.datum)
        form |= {
            "latitude": f"{latitude:.7f}",
            "longitude": f"{longitude:.7f}",
            "accuracy_m": str(8 + tip.number % 20),
        }
    return form


def door_away() -> Unavailable:
    """Return the error for doors that do not answer."""
    return Unavailable(
        "doors-away",
        Words(
            "两个入口没有应答：请先运行 suishoupai up（或 make run）。",
            "The doors do not answer: run `suishoupai up` (or make run) first.",
        ),
    )


def _refused(answer: httpx.Response) -> Unavailable:
    detail = answer.json().get("detail", answer.text[:200])
    return Unavailable(
        "demo-tip-refused",
        Words(f"演示举报未被接收：{detail}", f"A demo tip was refused: {detail}"),
        status=answer.status_code,
    )


def _standing_still() -> Unavailable:
    return Unavailable(
        "machine-room-still",
        Words(
            "举报已收下，但一分半钟没有处理进展：请查看 worker 的输出，稍后再运行 demo load。",
            "The tips are in, but nothing was processed for a minute and a half: look at the "
            "worker's output and run `demo load` again.",
        ),
    )
