"""What `up` says once everything answers: where the doors are and how to come in."""

import threading

import httpx

from schemas.access import ROLE_NAMES
from schemas.settings import Settings
from suishoupai.demo.accounts import Accounts, accounts_path
from suishoupai.demo.people import rider_phone, staff_plans
from suishoupai.embedded import LOOPBACK

_SHOWN = ("shenhe-1", "shenhe-2", "shenhe-head", "shenyang-dispatch", "hechi-1", "futian-1")
_PAUSE_S = 0.2


def addresses(settings: Settings) -> tuple[str, str]:
    """Return the addresses of the rider's door and of the inspectors' room."""
    return (
        f"http://{LOOPBACK}:{settings.intake_port}",
        f"http://{LOOPBACK}:{settings.review_port}",
    )


def doors_answer(settings: Settings, ended: threading.Event) -> bool:
    """Wait until both doors answer; False when the run ended before."""
    # Loopback is never reached through a proxy that the environment may name.
    with httpx.Client(timeout=2, trust_env=False) as client:
        waiting = [f"{address}/healthz" for address in addresses(settings)]
        while waiting and not ended.is_set():
            waiting = [address for address in waiting if not _answers(client, address)]
            if waiting:
                ended.wait(_PAUSE_S)
    return not ended.is_set()


def _answers(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(address).is_success
    except httpx.TransportError:
        return False


def banner(settings: Settings, accounts: Accounts | None) -> tuple[dict[str, object], str]:
    """Return the greeting as a document for programs and as text for people."""
    intake, review = addresses(settings)
    document: dict[str, object] = {
        "intake": intake,
        "review": review,
        "data_dir": str(settings.data_dir),
    }
    lines = [
        "",
        "  随手拍 Suishoupai",
        "",
        f"  骑手入口 Rider's door        {intake}",
        f"  办案室   Inspectors' room    {review}",
        f"  数据目录 Data                {settings.data_dir}",
    ]
    if accounts is not None:
        token = accounts.rider_tokens["0"]
        document["demo"] = {
            "rider_token": token,
            "password": accounts.password,
            "sign_ins": [plan.sign_in for plan in staff_plans()],
        }
        lines += [
            "",
            "  演示 Demo",
            f"  骑手凭证 Rider's token       {token}",
            f"  骑手手机 Rider's phone       {rider_phone(0)}",
            f"  员工密码 Staff password      {accounts.password}",
            *(f"  用户名   {line}" for line in _sign_ins()),
            f"  其余见   All in              {accounts_path(settings)}",
        ]
    if not settings.sms_gateway_url:
        lines += [
            "",
            "  登录验证码 Sign-in codes: .venv/bin/python -m suishoupai riders codes --follow",
        ]
    lines += ["", "  Ctrl-C 停止全部 stops everything", ""]
    return document, "\n".join(lines)


def _sign_ins() -> list[str]:
    plans = {plan.sign_in: plan for plan in staff_plans()}
    return [
        f"Sign-in  {name:<20}{ROLE_NAMES[plan.role].zh} {ROLE_NAMES[plan.role].en}, {plan.code}"
        for name in _SHOWN
        for plan in [plans[name]]
    ]
