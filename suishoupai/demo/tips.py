"""The demo's tips as a plan: who sends what from where, and how far its case shall go.

The plan is drawn from one seed and dated from when the demo began, so that a load
that was broken off goes on where it stopped: the same keys, the same bytes.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from schemas.divisions import full_name
from schemas.lifecycle import State
from schemas.places import Datum, Point
from suishoupai.demo.people import COUNTIES, SEED
from suishoupai.demo.phones import PHONES
from suishoupai.demo.places import Map, moved
from suishoupai.demo.words import COMMON, SAID, said, shop, street_address

_KEYS = UUID("5d0c1f5e-1635-4113-a050-630000000000")

SHENYANG = ("shenhe", "heping", "tiexi", "hunnan", "huanggu", "dadong", "yuhong")
# The field's figures of 2024-12-19 that have to come out of the pipeline.
SHENYANG_REPORTS, SHENYANG_DONE, SHENYANG_UNDER_WAY = 113, 50, 63


# Restaurants around Zhongjie, within one square of the map of risk and some 200 metres apart;
# the last ones are again the first ones.
_AGAIN = 2
_STREET = tuple(
    Point(latitude, longitude)
    for latitude, longitude in (
        (41.7921, 123.4515), (41.7921, 123.4540), (41.7921, 123.4565), (41.7945, 123.4515),
        (41.7945, 123.4540), (41.7945, 123.4565), (41.7921, 123.4515), (41.7921, 123.4540),
    )
)  # fmt: skip


class Goal(StrEnum):
    """How far a case shall go."""

    QUEUE = "queue"
    VERIFYING = "verifying"
    PROPOSED = "proposed"
    RECTIFYING = "rectifying"
    PENALISED = "penalised"
    CLOSED = "closed"
    NOT_FILED = "not_filed"


# The states on the way; a proposal without its second signature ends where it began.
PATHS: dict[Goal, tuple[State, ...]] = {
    Goal.QUEUE: (),
    Goal.VERIFYING: (State.VERIFYING,),
    Goal.PROPOSED: (State.VERIFYING,),
    Goal.RECTIFYING: (State.VERIFYING, State.VERIFIED, State.RECTIFYING),
    Goal.PENALISED: (State.VERIFYING, State.VERIFIED, State.FILED, State.PENALISED),
    Goal.CLOSED: (State.VERIFYING, State.VERIFIED, State.FILED, State.PENALISED, State.CLOSED),
    Goal.NOT_FILED: (
        State.VERIFYING,
        State.VERIFIED,
        State.RECTIFYING,
        State.NOT_FILED,
        State.CLOSED,
    ),
}


class Way(StrEnum):
    """How a picture came onto the phone that sent it."""

    CAMERA = "camera"
    MESSENGER = "messenger"
    SAME_BYTES = "same_bytes"
    RESAVED = "resaved"
    SMALLER = "smaller"


@dataclass(frozen=True)
class Shot:
    """One picture: which kitchen, by which phone, how long ago, with which place written in it."""

    kitchen: int
    phone: int
    age: timedelta
    point: Point | None
    way: Way = Way.CAMERA


@dataclass(frozen=True)
class Tip:
    """One tip. `point` is the device's place (WGS-84), sent in `datum`; `copy_of` names the
    tip whose picture it repeats and in whose case it stands, if any. `shop` is the number
    of the first tip about the same shop, where there was one.
    """

    number: int
    rider: int
    place: str
    point: Point | None
    datum: Datum
    age: timedelta
    categories: tuple[str, ...]
    premises_name: str
    premises_address: str
    description: str
    shots: tuple[Shot, ...]
    goal: Goal
    copy_of: int | None = None
    second_wave: bool = False
    shop: int | None = None

    @property
    def key(self) -> UUID:
        """The Idempotency-Key, the same in every run."""
        return uuid5(_KEYS, f"{SEED}:{self.number}")


@dataclass
class _Planner:
    map: Map
    draw: random.Random = field(
        default_factory=lambda: random.Random(SEED + 2)  # noqa: S311 - invented tips
    )
    tips: list[Tip] = field(default_factory=list)
    kitchens: int = 0

    def tip(
        self,
        place: str,
        goal: Goal,
        *,
        categories: tuple[str, ...] = (),
        point: Point | None = None,
        nowhere: bool = False,
        photo_point: Point | None = None,
        way: Way = Way.CAMERA,
        age: timedelta | None = None,
        shop_number: int | None = None,
    ) -> Tip:
        """Plan one tip with pictures of its own."""
        draw, number = self.draw, len(self.tips)
        here = None if nowhere else point or self.map.inside(place, draw)
        # Most tips are hours old at most; the riders send what they have just seen.
        age = age or timedelta(minutes=draw.randint(3, 900))
        chosen = categories or (draw.choice(COMMON),)
        phone = draw.randrange(len(PHONES))
        seen_at = photo_point or here
        shots = []
        for _ in range(2 if draw.random() < 0.2 else 1):
            shots.append(Shot(self.kitchens, phone, age + timedelta(seconds=20), seen_at, way))
            self.kitchens += 1
        made = Tip(
            number=number,
            rider=1 + number * 7 % 400,
            place=place,
            point=here,
            datum=draw.choice((Datum.WGS84, Datum.WGS84, Datum.GCJ02, Datum.BD09)),
            age=age,
            categories=chosen,
            premises_name=shop(number if shop_number is None else shop_number),
            premises_address=full_name(COUNTIES[place]) + street_address(draw),
            description=said(chosen[0], draw),
            shots=tuple(shots),
            goal=goal,
        )
        self.tips.append(made)
        return made

    def copy(self, original: Tip, way: Way, *, same_rider: bool = False) -> None:
        """Plan a repetition of a tip's first picture, some metres from where it was taken."""
        if original.point is None:
            raise ValueError("a copy needs a place")
        draw, number, shot = self.draw, len(self.tips), original.shots[0]
        here = moved(original.point, north_m=draw.uniform(-30, 30), east_m=draw.uniform(-30, 30))
        self.tips.append(
            Tip(
                number=number,
                rider=original.rider if same_rider else 500 + number,
                place=original.place,
                point=here,
                datum=Datum.WGS84,
                age=timedelta(minutes=2),
                categories=original.categories,
                premises_name=original.premises_name if same_rider else "",
                premises_address="",
                description=said(original.categories[0], draw),
                shots=(Shot(shot.kitchen, shot.phone, shot.age, shot.point, way),),
                goal=original.goal,
                copy_of=original.number,
                second_wave=True,
            )
        )


def plan(map_: Map) -> list[Tip]:
    """Return every tip of the demo, in the order of sending."""
    planner = _Planner(map_)
    _plan_shenyang(planner)
    _plan_elsewhere(planner)
    return planner.tips


def _plan_shenyang(planner: _Planner) -> None:
    """113 reports: 50 whose cases are dealt with, 63 in verification or rectification."""
    goals = [
        *[Goal.CLOSED] * 22, *[Goal.NOT_FILED] * 16, *[Goal.PENALISED] * 8,
        *[Goal.VERIFYING] * 17, *[Goal.PROPOSED] * 6, *[Goal.RECTIFYING] * 28,
    ]  # fmt: skip
    planner.draw.shuffle(goals)
    for number, goal in enumerate(goals):
        planner.tip(SHENYANG[number % len(SHENYANG)], goal)
    _gather_on_the_street(planner)
    originals = planner.tips[: len(goals)]
    # Seven more under verification, each with something for a person to look at.
    for place in ("shenhe", "heping", "tiexi", "huanggu"):
        point = planner.map.near_border(place, planner.draw)
        planner.tip(place, Goal.VERIFYING, point=point)
    far = planner.map.inside("shenhe", planner.draw)
    planner.tip(
        "shenhe",
        Goal.VERIFYING,
        point=far,
        photo_point=moved(far, north_m=2_600, east_m=1_700),
    )
    # A phone whose clock is two days ahead, and one that kept its photo for two weeks.
    planner.tip("hunnan", Goal.VERIFYING, age=-timedelta(days=2))
    planner.tip("tiexi", Goal.VERIFYING, age=timedelta(days=14))
    done = [tip for tip in originals if tip.goal in (Goal.CLOSED, Goal.NOT_FILED)]
    under_way = [tip for tip in originals if tip.goal in (Goal.VERIFYING, Goal.RECTIFYING)]
    ways = (Way.SAME_BYTES, Way.RESAVED, Way.SMALLER)
    for number, original in enumerate([*done[:4], *under_way[:4]]):
        planner.copy(original, ways[number % len(ways)])
    planner.copy(under_way[4], Way.SAME_BYTES, same_rider=True)


def _gather_on_the_street(planner: _Planner) -> None:
    """Put some of Shenhe's verified tips into one square, and two of them into shops before them.

    A second tip about a shop is of another hazard, so that it is a case of its own.
    """
    verified = [
        tip for tip in planner.tips if tip.place == "shenhe" and State.VERIFIED in PATHS[tip.goal]
    ]
    street = verified[: len(_STREET)]
    for tip, point in zip(street, _STREET, strict=True):
        shots = tuple(replace(shot, point=point) for shot in tip.shots)
        planner.tips[tip.number] = replace(tip, point=point, shots=shots)
    for first, again in zip(street[:_AGAIN], street[-_AGAIN:], strict=True):
        category = next(code for code in COMMON if code not in first.categories)
        planner.tips[again.number] = replace(
            planner.tips[again.number],
            premises_name=first.premises_name,
            premises_address=first.premises_address,
            categories=(category,),
            description=SAID[category][0],
            shop=first.number,
        )


def _plan_elsewhere(planner: _Planner) -> None:
    """A few tips in each of the other places, mostly still in the queue."""
    for category in ("DIRTY_KITCHEN", "STAFF_HYGIENE", "PEST"):
        planner.tip("jinchengjiang", Goal.QUEUE, categories=(category, "STREET_OCCUPATION"))
    planner.tip("jinchengjiang", Goal.RECTIFYING, categories=("UTENSIL",))
    planner.tip("yizhou", Goal.QUEUE, categories=("FIRE_SAFETY",))
    planner.tip("yizhou", Goal.CLOSED, categories=("EXPIRED",))
    planner.tip("xinglongtai", Goal.QUEUE)
    planner.tip("xinglongtai", Goal.VERIFYING)
    planner.tip("xinglongtai", Goal.QUEUE, way=Way.MESSENGER)
    planner.tip(
        "xinglongtai",
        Goal.QUEUE,
        point=planner.map.near_border("xinglongtai", planner.draw),
    )
    for place, count in (
        ("jiaojiang", 3),
        ("futian", 4),
        ("beilin", 3),
        ("pudong", 3),
        ("xihu", 2),
        ("haiyan", 2),
    ):
        for _ in range(count):
            way = planner.draw.choice((Way.CAMERA, Way.CAMERA, Way.MESSENGER))
            planner.tip(place, Goal.QUEUE, way=way)
    _plan_puzzles(planner)


def _plan_puzzles(planner: _Planner) -> None:
    """What a machine must not decide: same food street, same picture far away, no place."""
    draw, map_ = planner.draw, planner.map
    street = map_.inside("pudong", draw)
    planner.tip("pudong", Goal.QUEUE, categories=("PEST",), point=street)
    next_door = moved(street, north_m=18, east_m=22)
    planner.tip("pudong", Goal.QUEUE, categories=("PEST",), point=next_door)
    here = map_.inside("futian", draw)
    planner.tip(
        "futian", Goal.QUEUE, point=here, photo_point=moved(here, north_m=-2_500, east_m=1_500)
    )
    planner.tip("xihu", Goal.QUEUE, nowhere=True, way=Way.MESSENGER)
    # One picture in two cities on one day cannot show two shops.
    first = planner.tip("beilin", Goal.QUEUE, categories=("SPOILED",))
    planner.tip("xihu", Goal.QUEUE, categories=("SPOILED",))
    second = planner.tips.pop()
    planner.tips.append(_with_picture_of(second, first))


def _with_picture_of(tip: Tip, other: Tip) -> Tip:
    shot = other.shots[0]
    copied = Shot(shot.kitchen, shot.phone, shot.age, None, Way.MESSENGER)
    return replace(tip, shots=(copied,), second_wave=True)


def shenyang(tips: list[Tip]) -> Iterator[Tip]:
    """Yield the tips that count towards the Shenyang figures."""
    return (tip for tip in tips if tip.place in SHENYANG)
