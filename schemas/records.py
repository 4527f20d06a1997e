"""What a step must record: `check_record` reads the table of fields, for page and API alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from schemas.errors import InvalidInput
from schemas.lifecycle import Step
from schemas.record_fields import (
    FIELDS,
    PAUSE_KINDS,
    PENALTY_KINDS,
    REASON_CODES,
    REINSPECTION_RESULTS,
    RecordField,
)
from schemas.words import Words

__all__ = [
    "FIELDS",
    "ORDERS",
    "PAUSE_KINDS",
    "PENALTY_KINDS",
    "REASON_CODES",
    "REINSPECTION_RESULTS",
    "RecordField",
    "check_record",
    "incomplete",
]


@dataclass(frozen=True)
class Order:
    """Two days in their order: `later` may not be before (`strictly`: nor on) `earlier`.

    `earlier` is a field of the same record or a fact about the case, by name.
    """

    later: str
    earlier: str
    words: Words
    strictly: bool = False


# Every pair of days that has an order; a day that is not known is not compared.
ORDERS: tuple[Order, ...] = (
    Order(
        "notice_date",
        "received_on",
        Words("通知日期不能早于收到举报之日", "The notice can't be before the receipt"),
    ),
    Order(
        "visited_on",
        "received_on",
        Words("检查日期不能早于收到举报之日", "The visit can't be before the receipt"),
    ),
    Order(
        "dispute_since",
        "received_on",
        Words("争议日期不能早于收到举报之日", "The dispute can't begin before the receipt"),
    ),
    Order(
        "decided_on",
        "filed_on",
        Words("决定日期不能早于立案之日", "The decision can't be before the filing"),
    ),
    Order(
        "published_on",
        "decided_on",
        Words("公示日期不能早于决定日期", "The publication can't be before the decision"),
    ),
    Order(
        "rectify_by",
        "ordered_on",
        Words("改正期限须晚于责令改正之日", "The deadline must be after the day of the order"),
        strictly=True,
    ),
    Order(
        "pause_to",
        "pause_from",
        Words("暂停的结束不能早于开始", "A pause can't end before it begins"),
    ),
)


_DAYS = frozenset(name for name, field in FIELDS.items() if field.kind == "date")
NOTHING_KNOWN: Mapping[str, date] = MappingProxyType({})


def check_record(
    step: Step,
    given: Mapping[str, Any],
    *,
    today: date,
    known: Mapping[str, date] = NOTHING_KNOWN,
) -> dict[str, Any]:
    """Return the record that `step` stores, checked field by field and day against day.

    `known` holds the days of the case that a record is compared with: received_on,
    filed_on. Raises InvalidInput `record-incomplete` naming every missing field,
    `record-field-unknown` for one that the step does not record,
    `record-field-invalid` for a value that can't be right, and `record-days-reversed`.
    """
    unknown = sorted(set(given) - set(step.required) - set(step.optional))
    if unknown:
        raise InvalidInput(
            "record-field-unknown",
            Words(
                f"这一步不登记:{'、'.join(unknown)}。",
                f"This step does not record: {', '.join(unknown)}.",
            ),
            field=unknown[0],
        )
    present = {name: value for name, value in given.items() if value not in ("", None, [])}
    missing = [name for name in step.required if name not in present]
    if missing:
        raise incomplete(missing)
    record = {name: _read(FIELDS[name], value, today) for name, value in present.items()}
    _check_order(record, {"ordered_on": today, **known})
    return record


def incomplete(missing: Sequence[str]) -> InvalidInput:
    """Return the refusal of a record that lacks fields, naming each."""
    fields = [FIELDS[name] for name in missing]
    return InvalidInput(
        "record-incomplete",
        Words(
            f"还缺:{'、'.join(field.words.zh for field in fields)}。",
            f"Still missing: {', '.join(field.words.en for field in fields)}.",
        ),
        field=missing[0],
        missing=list(missing),
    )


def _check_order(record: Mapping[str, Any], known: Mapping[str, date]) -> None:
    days = {**known, **{name: date.fromisoformat(record[name]) for name in _DAYS & record.keys()}}
    for order in ORDERS:
        if order.later not in record or order.earlier not in days:
            continue
        later, earlier = days[order.later], days[order.earlier]
        if later < earlier or (order.strictly and later == earlier):
            raise InvalidInput(
                "record-days-reversed",
                Words(f"{order.words.zh}({earlier})。", f"{order.words.en} ({earlier})."),
                field=order.later,
            )


def _read(field: RecordField, value: Any, today: date) -> Any:
    try:
        return field.read(value, today)
    except (ValueError, TypeError):
        hint = f"({field.hint.zh})" if field.hint else ""
        hint_en = f" ({field.hint.en})" if field.hint else ""
        raise InvalidInput(
            "record-field-invalid",
            Words(
                f"“{field.words.zh}”填写有误{hint}。", f"“{field.words.en}” is not right{hint_en}."
            ),
            field=field.name,
        ) from None
