"""What the demo's riders suggest, and the office's first answer, over both doors' APIs."""

from collections.abc import Mapping
from uuid import UUID, uuid5

import httpx

from schemas.errors import Unavailable
from schemas.words import Words
from suishoupai.demo.sending import door_away

_KEYS = UUID("6f1f6c1e-0d0f-4b58-9a44-3f6f0f5f8a11")
_WHO_ANSWERS = "shenyang-dispatch"
# (kind, what is written, what the office answers; empty: it waits)
_SAID = (
    (
        "request",
        "北站站点只有两个充电口，晚高峰总排队，能不能多放几个？",
        "已和站点商量好，下周在门口右边加装四个充电口。谢谢您提出来。",
    ),
    ("suggestion", "有的小区门牌看不清，建议和物业说一声，楼门口装个声控灯。", ""),
    ("request", "夏天站点想要一台饮水机。", ""),
)


def send_suggestions(
    addresses: tuple[str, str], *, rider_token: str, staff_tokens: Mapping[str, str]
) -> None:
    """Send the suggestions and the answers; what is there already stays as it is.

    Raises Unavailable `doors-away` while a door does not answer, or `demo-refused`.
    """
    door, room = addresses
    with httpx.Client() as client:
        for kind, body, answer in _SAID:
            sent = _post(
                client,
                f"{door}/api/v1/me/suggestions",
                {"kind": kind, "body": body},
                token=rider_token,
                key=str(uuid5(_KEYS, body)),
            )
            if answer and not sent["answer"]:
                _post(
                    client,
                    f"{room}/api/v1/suggestions/{sent['number']}/answer",
                    {"answer": answer},
                    token=staff_tokens[_WHO_ANSWERS],
                )


def _post(
    client: httpx.Client, url: str, body: Mapping[str, str], *, token: str, key: str = ""
) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    try:
        answer = client.post(url, json=body, headers=headers)
    except httpx.TransportError:
        raise door_away() from None
    if answer.is_success:
        found: dict[str, str] = answer.json()
        return found
    raise Unavailable(
        "demo-refused",
        Words(
            f"演示的建议没有被接受：{answer.text[:200]}",
            f"A suggestion of the demo was refused: {answer.text[:200]}",
        ),
    )
