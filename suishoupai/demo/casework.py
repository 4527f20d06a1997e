"""Take the demo's cases as far as they shall go, over the inspectors' JSON API.

Each step is made with the token of somebody who may make it: two inspectors sign a
conclusion, and the bureau head approves what an inspector proposes.
A case is looked at before each step, so that a broken run goes on where it stopped.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from stdnum.cn import uscc

from schemas.access import Role
from schemas.errors import Unavailable
from schemas.lifecycle import State, transition
from schemas.words import Words
from suishoupai.demo.people import COUNTIES, bureau_of, city_of
from suishoupai.demo.sending import door_away
from suishoupai.demo.tips import PATHS, Goal, Tip

_CONNECTIONS = 4
_MOST_STEPS = 20
_LAW = "《中华人民共和国食品安全法》第一百二十六条第一款"


@dataclass(frozen=True)
class Errand:
    """One case to take forward: where it stands, whose it is, how far it shall go."""

    case_number: str
    tip: Tip
    unit_id: UUID


@dataclass(frozen=True)
class Office:
    """The inspectors' API with the demo staff's tokens, on one day."""

    client: httpx.Client
    tokens: Mapping[str, str]
    today: date

    def look(self, errand: Errand) -> dict[str, Any]:
        """Return the case as it is now."""
        return self._ask("GET", _above(errand.tip.place), errand.case_number, "")

    def move(self, who: str, errand: Errand, case: Mapping[str, Any], to: State) -> dict[str, Any]:
        """Make a move, or propose it where two have to sign."""
        body = {
            "to": to.value,
            "version": case["version"],
            "record": record_of(to, errand, self.today),
        }
        return self._ask("POST", who, errand.case_number, "/transitions", body)

    def sign(self, who: str, errand: Errand, case: Mapping[str, Any]) -> dict[str, Any]:
        """Sign what a colleague proposed."""
        body = {"decision": "confirm", "version": case["version"]}
        return self._ask("POST", who, errand.case_number, "/signatures", body)

    def _ask(
        self, method: str, who: str, number: str, what: str, body: object = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Accept-Language": "zh-CN"}
        try:
            answer = self.client.request(
                method, f"/api/v1/cases/{number}{what}", json=body, headers=headers
            )
        except httpx.TransportError:
            raise door_away() from None
        # Stale: the clock or another worker touched the case; the next look shows how.
        if answer.status_code == httpx.codes.CONFLICT:
            return {}
        if not answer.is_success:
            raise _refused(number, answer)
        content: dict[str, Any] = answer.json()
        return content


def work_cases(
    address: str,
    errands: list[Errand],
    *,
    tokens: Mapping[str, str],
    today: date,
    tick: Callable[[int, int], None],
) -> None:
    """Take every case as far as its tip's goal says, several at a time."""
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        office = Office(client, tokens, today)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            done = pool.map(lambda errand: _work(office, errand), errands)
            for count, _ in enumerate(done, start=1):
                tick(count, len(errands))


def _work(office: Office, errand: Errand) -> None:
    for _ in range(_MOST_STEPS):
        case = office.look(errand)
        if not _step(office, errand, case):
            return
    raise Unavailable(
        "demo-case-stuck",
        Words(
            f"案件 {errand.case_number} 推进不下去。",
            f"The case {errand.case_number} does not get on.",
        ),
    )


def _step(office: Office, errand: Errand, case: Mapping[str, Any]) -> bool:
    """Make the next step of a case; False when it is where it shall be."""
    tip, state = errand.tip, State(case["state"])
    first, second = _inspectors(tip)
    if state is State.DISPATCH:
        office.move(_dispatcher(tip.place), errand, case, State.ASSIGNED)
        return True
    if case["awaits_signature"]:
        if tip.goal is Goal.PROPOSED:
            return False
        # The table says who signs what was proposed: a colleague, or the bureau head.
        move = transition(state, State(case["proposal"]["to"]))
        is_heads = move is not None and Role.BUREAU_HEAD in move.approvers
        office.sign(_head(tip.place) if is_heads else second, errand, case)
        return True
    path = PATHS[tip.goal]
    if path and state is path[-1]:
        if tip.goal is not Goal.PROPOSED:
            return False
        office.move(first, errand, case, State.VERIFIED)
        return True
    target = path[path.index(state) + 1] if state in path else path[0]
    office.move(first, errand, case, target)
    return True


def _inspectors(tip: Tip) -> tuple[str, str]:
    bureau = bureau_of(tip.place)
    pair = (f"{bureau}-1", f"{bureau}-2")
    return pair if tip.number % 2 else pair[::-1]


def _head(place: str) -> str:
    return f"{bureau_of(place)}-head"


def _above(place: str) -> str:
    """Return somebody who sees the case in dispatch as well as at its bureau."""
    return f"{city_of(place) or place}-head"


def _dispatcher(place: str) -> str:
    city = city_of(place)
    return f"{city}-dispatch" if city else "nation-dispatch"


def record_of(to: State, errand: Errand, today: date) -> dict[str, Any]:
    """Return what is recorded with a move; only what schemas.lifecycle asks for."""
    tip, day = errand.tip, today.isoformat()
    serial = tip.number + 1
    records: dict[State, dict[str, Any]] = {
        State.ASSIGNED: {"unit_id": str(errand.unit_id)},
        State.VERIFYING: {},
        State.VERIFIED: {
            "visited_on": day,
            "visit_place": tip.premises_name or "举报所述店铺",
            "findings": f"现场检查，举报属实：{tip.description}",
            "actual_address": tip.premises_address or "与定位一致",
            "shop_credit_code": _credit_code(
                tip.number if tip.shop is None else tip.shop, tip.place
            ),
        },
        State.RECTIFYING: {
            "order_number": f"演示责改〔{today.year}〕{serial}号",
            "rectify_by": (today + timedelta(days=7)).isoformat(),
        },
        State.FILED: {
            "approval_number": f"演示立〔{today.year}〕{serial}号",
            "filing_ground": "涉嫌违反《食品安全法》第三十三条，符合立案条件。",
        },
        State.NOT_FILED: {
            "approval_number": f"演示不立〔{today.year}〕{serial}号",
            "filing_ground": "初次违法、危害后果轻微并及时改正。",
        },
        State.PENALISED: {
            "decision_number": f"演示市监罚〔{today.year}〕{serial}号",
            "decided_on": day,
            "law_article": _LAW,
            "penalty_kinds": ["fine"] if tip.number % 3 else ["warning"],
            "fine_fen": 500_000 if tip.number % 3 else 0,
            "confiscation_fen": 0,
            "published_on": day,
            "published_name": tip.premises_name,
        },
        State.CLOSED: {"reason": "已处理完毕，商家已改正。"},
    }
    return records[to]


def _credit_code(number: int, place: str) -> str:
    """Return an invented shop's code; only its check character is right (GB 32100)."""
    body = f"92{COUNTIES[place]}MA0{number + 1:06d}"
    return f"{body}{uscc.calc_check_digit(body)}"


def _refused(number: str, answer: httpx.Response) -> Unavailable:
    detail = answer.json().get("detail", answer.text[:200])
    return Unavailable(
        "demo-step-refused",
        Words(f"案件 {number} 的一步未成：{detail}", f"A step of case {number} failed: {detail}"),
        status=answer.status_code,
    )
