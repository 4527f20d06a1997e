"""What a station (驿站) offers riders besides what is had for points, and when it is open."""

import re
from collections.abc import Mapping, Sequence

from schemas.errors import InvalidInput
from schemas.words import Words

SERVICES: Mapping[str, Words] = {
    "rest": Words("歇脚", "Rest"),
    "water": Words("饮水", "Water"),
    "charging": Words("手机充电", "Phone charging"),
    "bike": Words("电动车充换电", "E-bike charging"),
    "meals": Words("热饭、微波炉", "Meals, microwave"),
    "toilet": Words("卫生间", "Toilet"),
    "medicine": Words("急救药箱", "First aid"),
}
WEEKDAYS = (
    Words("周一", "Monday"),
    Words("周二", "Tuesday"),
    Words("周三", "Wednesday"),
    Words("周四", "Thursday"),
    Words("周五", "Friday"),
    Words("周六", "Saturday"),
    Words("周日", "Sunday"),
)
# A day's opening and closing by the clock of Shanghai, or None for a day on which it is shut.
# Closing that is not after opening is the next day's: 00:00 to 00:00 is day and night.
Hours = Sequence[tuple[str, str] | None]
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def check_services(codes: Sequence[str]) -> list[str]:
    """Return the services in the table's order; raises InvalidInput `station-service-unknown`."""
    for code in codes:
        if code not in SERVICES:
            raise InvalidInput(
                "station-service-unknown",
                Words(
                    f"没有这项服务：{code}。可填 {'、'.join(SERVICES)}。",
                    f"There is no such service: {code}. Give any of {', '.join(SERVICES)}.",
                ),
                field="services",
            )
    return [code for code in SERVICES if code in codes]


def check_hours(hours: Hours) -> list[list[str] | None]:
    """Return seven days of opening hours, or none where they are not known.

    Raises InvalidInput `station-hours-invalid`.
    """
    if not any(hours):
        return []
    for at, day in enumerate(hours):
        if day is not None and (len(day) != 2 or not all(_CLOCK.fullmatch(each) for each in day)):
            name = WEEKDAYS[at] if at < len(WEEKDAYS) else Words("这一天", "That day")
            raise _wrong(name)
    if len(hours) != len(WEEKDAYS):
        raise _wrong(Words("开放时间", "The hours"))
    return [list(day) if day else None for day in hours]


def _wrong(what: Words) -> InvalidInput:
    return InvalidInput(
        "station-hours-invalid",
        Words(
            f"{what.zh}的时间不对：请按 08:30 这样填开门和关门的时间，不开门就都留空，七天都要有。",
            f"{what.en}: give opening and closing as 08:30, both empty when shut, for seven days.",
        ),
        field="hours",
    )
