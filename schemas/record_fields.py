"""The fields that a step may record: their names, how a form asks, how each is read.

Money is in integer fen. Dates are local (Asia/Shanghai).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from schemas.errors import InvalidInput
from schemas.numbers import CASE_PREFIX, read_number
from schemas.taxonomy import CATEGORIES
from schemas.words import Words

REASON_CODES: dict[str, Words] = {
    "not-food-safety": Words("与食品安全无关", "Not about food safety"),
    "no-object": Words("没有明确的被举报对象", "No shop or person is named"),
    "not-a-photo-of-it": Words("照片与所述问题无关", "The photo does not show the alleged hazard"),
    "test": Words("测试或误发", "A test, or sent by mistake"),
    "merged": Words("已并入另一案件", "Merged into another case"),
}
PENALTY_KINDS: dict[str, Words] = {
    "warning": Words("警告", "Warning"),
    "fine": Words("罚款", "Fine"),
    "confiscation": Words("没收违法所得或物品", "Confiscation"),
    "suspension": Words("责令停产停业", "Suspension of business"),
    "revocation": Words("吊销许可证", "Licence revoked"),
    "detention": Words("移送公安、行政拘留", "Detention by the police"),
}
REINSPECTION_RESULTS: dict[str, Words] = {
    "corrected": Words("已改正", "Put right"),
    "not-corrected": Words("未改正", "Not put right"),
}
PAUSE_KINDS: dict[str, Words] = {
    "testing": Words("检测、检验、检疫", "Testing"),
    "appraisal": Words("鉴定、评估", "Appraisal"),
    "hearing": Words("听证", "Hearing"),
    "announcement": Words("公告送达", "Service by announcement"),
}
CATEGORY_NAMES: dict[str, Words] = {each.code: each.words for each in CATEGORIES}


@dataclass(frozen=True)
class RecordField:
    """One field of a record: its label, how it is asked for, and how it is read.

    `kind` is what a form needs to know: line, text, date, choice, choices, money,
    article, unit, names. `read` returns the stored value or raises ValueError.
    """

    name: str
    words: Words
    kind: str
    read: Callable[[Any, date], Any]
    hint: Words | None = None
    choices: Mapping[str, Words] | None = None


def _line(limit: int) -> Callable[[Any, date], str]:
    def read(value: Any, _today: date) -> str:
        if not isinstance(value, str):
            raise ValueError("text")  # noqa: TRY004 - one kind of refusal for the caller
        text = " ".join(value.replace("\0", "").split()) if limit <= 200 else value.strip()
        if not text or len(text) > limit or "\0" in text:
            raise ValueError("text")
        return text

    return read


def _past_day(value: Any, today: date) -> str:
    day = date.fromisoformat(str(value))
    if day > today or day.year < 2000:
        raise ValueError("date")
    return day.isoformat()


def _coming_day(value: Any, today: date) -> str:
    day = date.fromisoformat(str(value))
    if day < today:
        raise ValueError("date")
    return day.isoformat()


def _fen(value: Any, _today: date) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", str(value)):
        raise ValueError("fen")
    return int(value)


def _credit_code(value: Any, _today: date) -> str:
    try:
        return str(uscc.validate(str(value)))
    except ValidationError:
        raise ValueError("uscc") from None


def _decision_number(value: Any, _today: date) -> str:
    text = "".join(str(value).split())
    if not re.fullmatch(r"[^\s〔〕]{1,30}〔20\d\d〕第?\d{1,6}号", text):
        raise ValueError("decision number")
    return text


def _law_article(value: Any, today: date) -> str:
    text: str = _line(200)(value, today)
    if not re.search(r"《[^《》]{2,40}》.*第\s*[\d一二三四五六七八九十百零]{1,9}\s*条", text):
        raise ValueError("law article")
    return text


def _case_number(value: Any, _today: date) -> str:
    try:
        return read_number(CASE_PREFIX, str(value))
    except InvalidInput:
        raise ValueError("case number") from None


def _one_of(choices: Mapping[str, Words]) -> Callable[[Any, date], str]:
    def read(value: Any, _today: date) -> str:
        if value not in choices:
            raise ValueError("choice")
        return str(value)

    return read


def _some_of(choices: Mapping[str, Words]) -> Callable[[Any, date], list[str]]:
    def read(value: Any, _today: date) -> list[str]:
        values = [value] if isinstance(value, str) else list(value)
        if not values or any(item not in choices for item in values):
            raise ValueError("choice")
        return sorted(set(values))

    return read


def _names(value: Any, _today: date) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise ValueError("names")
    return value


def _unit(value: Any, _today: date) -> str:
    return str(UUID(str(value)))


_DATE_HINT = Words("不能晚于今天", "not later than today")
_FEN_HINT = Words("以分为单位的整数", "a whole number of fen")

FIELDS: dict[str, RecordField] = {
    field.name: field
    for field in (
        RecordField("note", Words("备注", "Note"), "text", _line(2000)),
        RecordField("reason", Words("理由", "Reason"), "text", _line(2000)),
        RecordField(
            "reason_code",
            Words("原因", "Reason"),
            "choice",
            _one_of(REASON_CODES),
            choices=REASON_CODES,
        ),
        RecordField(
            "route_reasons",
            Words("无法自动分派的原因", "Why it could not be routed"),
            "names",
            _names,
        ),
        RecordField(
            "merged_into",
            Words("并入的案件编号", "Number of the case it joins"),
            "line",
            _case_number,
            Words("只在“已并入另一案件”时填写", "only where it is merged into another case"),
        ),
        RecordField("unit_id", Words("承办机构", "Handling unit"), "unit", _unit),
        RecordField(
            "designation_number",
            Words("指定管辖文号", "Number of the designation"),
            "line",
            _line(80),
            Words("有管辖争议时必填", "required where jurisdiction is disputed"),
        ),
        RecordField("disputing_units", Words("争议各方", "Units in dispute"), "line", _line(200)),
        RecordField(
            "dispute_since", Words("争议发生日期", "Disputed since"), "date", _past_day, _DATE_HINT
        ),
        RecordField("boundary_version", Words("区划版本", "Boundary version"), "line", _line(120)),
        RecordField(
            "receiving_department", Words("接收部门", "Receiving department"), "line", _line(120)
        ),
        RecordField("document_number", Words("文号", "Document number"), "line", _line(80)),
        RecordField(
            "notice_date", Words("通知日期", "Date of notice"), "date", _past_day, _DATE_HINT
        ),
        RecordField(
            "visited_on", Words("检查日期", "Date of visit"), "date", _past_day, _DATE_HINT
        ),
        RecordField("visit_place", Words("检查地点", "Place of visit"), "line", _line(200)),
        RecordField("findings", Words("核查情况", "Findings"), "text", _line(4000)),
        RecordField("actual_address", Words("实际经营地址", "Actual address"), "line", _line(200)),
        RecordField(
            "shop_credit_code",
            Words("统一社会信用代码", "Unified social credit code"),
            "line",
            _credit_code,
            Words(
                "18 位,校验位按 GB 32100;无证店可不填",
                "18 characters with the GB 32100 check "
                "character; may stay empty for an unlicensed shop",
            ),
        ),
        RecordField("licence_number", Words("许可证编号", "Licence number"), "line", _line(40)),
        RecordField("order_number", Words("责令改正文书号", "Order number"), "line", _line(80)),
        RecordField(
            "ordered_on",
            Words("责令改正日期", "Day of the order"),
            "date",
            _past_day,
            Words("不填则为今天", "today if left out"),
        ),
        RecordField(
            "rectify_by",
            Words("改正期限", "To be put right by"),
            "date",
            _coming_day,
            Words("须晚于责令改正之日，且不能早于今天", "after the order, and not before today"),
        ),
        RecordField(
            "reinspection_result",
            Words("复查结果", "Result of re-inspection"),
            "choice",
            _one_of(REINSPECTION_RESULTS),
            choices=REINSPECTION_RESULTS,
        ),
        RecordField(
            "deciding_addition",
            Words("对查实起决定作用的补充", "Whose addition decided the case"),
            "choice",
            _line(12),
            Words(
                "给该举报人另记积分；没有就不选", "earns them points; leave it empty if none did"
            ),
        ),
        RecordField("approval_number", Words("审批文号", "Approval number"), "line", _line(80)),
        RecordField("filing_ground", Words("依据和理由", "Ground"), "text", _line(2000)),
        RecordField(
            "decision_number",
            Words("决定书文号", "Decision number"),
            "line",
            _decision_number,
            Words("如 沈河市监罚〔2026〕12号", "such as 沈河市监罚〔2026〕12号"),
        ),
        RecordField(
            "decided_on", Words("决定日期", "Date of decision"), "date", _past_day, _DATE_HINT
        ),
        RecordField(
            "law_article",
            Words("法律条款", "Law article"),
            "article",
            _law_article,
            Words(
                "写明法律名称和第几条，如《食品安全法》第一百二十六条",
                "the law's name and its article, such as 《食品安全法》第一百二十六条",
            ),
        ),
        RecordField(
            "penalty_kinds",
            Words("处罚种类", "Kinds of penalty"),
            "choices",
            _some_of(PENALTY_KINDS),
            choices=PENALTY_KINDS,
        ),
        RecordField("fine_fen", Words("罚款(分)", "Fine (fen)"), "money", _fen, _FEN_HINT),
        RecordField(
            "confiscation_fen", Words("没收(分)", "Confiscated (fen)"), "money", _fen, _FEN_HINT
        ),
        RecordField(
            "published_on", Words("公示日期", "Date of publication"), "date", _past_day, _DATE_HINT
        ),
        RecordField(
            "published_name",
            Words("公示中的店名", "Shop's name as published"),
            "line",
            _line(80),
            Words(
                "照公示的写；填了，附近的骑手就能选这个店名，不填则不会给任何人看",
                "as the publication has it; riders nearby can then choose it, and without it "
                "nobody is shown a name",
            ),
        ),
        RecordField(
            "pause_kind",
            Words("暂停事由", "Ground of the pause"),
            "choice",
            _one_of(PAUSE_KINDS),
            choices=PAUSE_KINDS,
        ),
        RecordField(
            "pause_from",
            Words("暂停第一天", "First day of the pause"),
            "date",
            _past_day,
            _DATE_HINT,
        ),
        RecordField(
            "pause_to",
            Words("暂停最后一天", "Last day of the pause"),
            "date",
            _past_day,
            _DATE_HINT,
        ),
        RecordField(
            "split_categories",
            Words("其他部门的问题", "Hazards of other departments"),
            "choices",
            _some_of(CATEGORY_NAMES),
            choices=CATEGORY_NAMES,
        ),
    )
}
