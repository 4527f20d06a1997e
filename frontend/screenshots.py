"""Takes the pictures of the main pages that stand in docs/screenshots: `make screenshots`.

Starts the whole product with demo data in a directory of its own, signs in as the demo's
staff and photographs each page in both languages, on a desktop and on a phone. With names
(`frontend/screenshots.py risk draw`) only these pages are taken anew.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import typst
from app_walk import demo_photo, photograph_app
from furnishing import furnish, signed_in
from playwright.sync_api import Browser, Page, sync_playwright
from running import free_port, product, sign_in_rider
from taking import (
    LANGUAGES,
    RIDERS_PHONE,
    SCHEMES,
    SIZES,
    TARGET,
    TIME_ZONE,
    keep,
    take,
)

from suishoupai.demo.people import rider_phone

# The demo's first rider, who is asked to visit shops, and what stands behind the sign-in.
RIDER_PAGES = {
    "rider-account": "/me",
    "rider-code": "/me/code",
    "rider-leave": "/me/leave",
    "rider-visits": "/#visits",
    "rider-stations": "/#stations",
}
# What says more to the rider who has earned most.
EARNERS_PAGES = {
    "rider-points": "/points",
    "rider-mall": "/points/mall",
    "rider-points-kept": "/#points",
}
# What each shows, who looks, and where; `{case}` is a case that waits for a signature,
# `{draw}` a draw that was made.
ROOM = {
    "queue": ("shenhe-1", "/"),
    "case": ("shenhe-1", "{case}"),
    "case-of-the-head": ("shenhe-head", "{case}"),
    "my-work": ("shenhe-1", "/my-work"),
    "templates": ("shenhe-head", "/templates"),
    "map": ("shenyang-dispatch", "/map"),
    "week": ("shenyang-dispatch", "/week"),
    "bulletin": ("shenyang-dispatch", "/bulletins"),
    "bulletin-country": ("nation-dispatch", "/bulletins"),
    "bulletin-screen": ("shenyang-dispatch", "/bulletins/screen"),
    "risk": ("shenyang-dispatch", "/risk?base=even"),
    "issues": ("shenyang-stats", "/bulletins/issues"),
    "compare": ("shenyang-stats", "/bulletins/compare"),
    "period": ("shenyang-stats", "/bulletins/periods"),
    "draws": ("shenhe-1", "/draws"),
    "draw-new": ("shenhe-1", "/draws/new"),
    "draw": ("shenhe-1", "{draw}"),
    "account": ("shenhe-1", "/account"),
    "rewards": ("shenyang-rewards", "/rewards"),
    "offers": ("shenyang-rewards", "/rewards/offers"),
    "stations": ("shenyang-rewards", "/rewards/stations"),
    "honours": ("shenyang-rewards", "/rewards/honours"),
    "supplies": ("shenyang-rewards", "/rewards/supplies"),
    "statutory": ("shenyang-rewards", "/rewards/statutory"),
    "suggestions": ("shenyang-dispatch", "/suggestions"),
    "invitations": ("shenyang-dispatch", "/invitations"),
    "campaigns": ("shenyang-dispatch", "/campaigns"),
}
# What everybody may look at.
PUBLIC = {"rider": "/", "open-data": "/open-data"}
# The bulletin for print: the first pages, as wide as A4 is at 96 dots an inch.
PRINTED = "bulletin-print"
PRINTED_PAGES = (1, 2)
PIXELS_PER_INCH = 96.0
# The rider's own pages.
AFTERWARDS = {
    "my-tips": "/me/tips",
    "my-notices": "/me/notices",
    "my-suggestions": "/me/suggestions",
    "my-campaigns": "/me/campaigns",
}


def token_of_a_sender(tokens: dict[str, str]) -> str:
    """Return the token of a demo rider who has sent tips; the greeting's, number 0, has not."""
    return tokens[min((number for number in tokens if number != "0"), key=int)]


def number_of_the_earner(door: int, tokens: Mapping[str, str]) -> int:
    """Return the number of the demo rider who has the most points."""
    found = {}
    for number, token in tokens.items():
        answer = httpx.get(
            f"http://127.0.0.1:{door}/api/v1/me/points",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        found[int(number)] = answer.raise_for_status().json()["balance"]
    return max(found, key=lambda number: (found[number], -number))


@dataclass(frozen=True)
class Staff:
    """The room as the demo's staff enter it; `draw` is the path of a draw that was made."""

    port: int
    password: str
    draw: str


def photograph_door(browser: Browser, *, door: int, rider_token: str, only: set[str]) -> None:
    """Take the door's pages for everybody and of a rider, in every language and size."""
    for size, (width, height) in SIZES.items():
        for language, locale in LANGUAGES.items():
            options = {"viewport": {"width": width, "height": height}, "locale": locale}
            with browser.new_context(**options) as context:  # type: ignore[arg-type]
                page = context.new_page()
                for name, path in wanted(PUBLIC, only).items():
                    page.goto(f"http://127.0.0.1:{door}{path}")
                    take(page, f"{name}-{size}-{language}")
                page.set_extra_http_headers({"Authorization": f"Bearer {rider_token}"})
                for name, path in wanted(AFTERWARDS, only).items():
                    page.goto(f"http://127.0.0.1:{door}{path}")
                    take(page, f"{name}-{size}-{language}")


def photograph_room(browser: Browser, *, staff: Staff, only: set[str]) -> None:
    """Take the room's pages in every language and size."""
    pages = wanted(ROOM, only)
    for size, (width, height) in SIZES.items():
        for language, locale in LANGUAGES.items():
            options = {"viewport": {"width": width, "height": height}, "locale": locale}
            for who in dict.fromkeys(who for who, _ in pages.values()):
                theirs = {name: path for name, (whose, path) in pages.items() if whose == who}
                with browser.new_context(**options) as context:  # type: ignore[arg-type]
                    look_around(context.new_page(), staff, who, theirs, f"{size}-{language}")


def look_around(page: Page, staff: Staff, who: str, theirs: Mapping[str, str], kind: str) -> None:
    """Sign one of the staff in and take their pages."""
    base = f"http://127.0.0.1:{staff.port}"
    page.goto(f"{base}/sign-in")
    if "queue" in theirs:
        take(page, f"sign-in-{kind}")
    page.fill("input[name=sign_in]", who)
    page.fill("input[name=password]", staff.password)
    page.press("input[name=password]", "Enter")
    # Who works on no cases is led elsewhere, and has none to show.
    page.wait_for_url(lambda url: "/sign-in" not in url)
    cases = page.locator("a[href^='/cases/']")
    case = cases.first.get_attribute("href") if cases.count() else None
    for name, path in theirs.items():
        page.goto(base + path.format(case=case, draw=staff.draw))
        take(page, f"{name}-{kind}")
        if name == "campaigns":
            page.locator("th a[href^='/campaigns/']").first.click()
            take(page, f"campaign-{kind}")


def photograph_print(browser: Browser, *, staff: Staff) -> None:
    """Take the first pages of the bulletin for print, in both languages."""
    address = f"http://127.0.0.1:{staff.port}/bulletins/files/pdf"
    with (
        tempfile.TemporaryDirectory() as folder,
        signed_in(browser, staff.port, "shenyang-stats", staff.password) as page,
    ):
        for language, locale in LANGUAGES.items():
            answer = page.request.get(address, headers={"Accept-Language": locale})
            (Path(folder) / "bulletin.pdf").write_bytes(answer.body())
            for number in PRINTED_PAGES:
                keep(page_of_print(Path(folder), number), f"{PRINTED}-{number}-{language}")


def page_of_print(folder: Path, number: int) -> bytes:
    """Return a page of `bulletin.pdf` as a picture."""
    sheet = folder / "sheet.typ"
    sheet.write_text(
        "#set page(width: auto, height: auto, margin: 0pt, fill: white)\n"
        f'#image("bulletin.pdf", page: {number}, width: 210mm)'
    )
    made = typst.compile(str(sheet), root=str(folder), format="png", ppi=PIXELS_PER_INCH)
    if not isinstance(made, bytes):
        raise SystemExit("A page of the bulletin came out as several.")
    return made


def wanted(pages: Mapping[str, Any], only: set[str]) -> dict[str, Any]:
    """Return the pages that are asked for: all of them where none is named."""
    return {name: page for name, page in pages.items() if not only or name in only}


def photograph_rider(
    browser: Browser, *, door: int, data_dir: Path, earner: int, only: set[str]
) -> None:
    """Take the pages of signing in and of riders' accounts on a phone, light and dark."""
    visits: dict[str, list[tuple[str, str]]] = {}
    for number, pages in ((0, RIDER_PAGES), (earner, EARNERS_PAGES)):
        if theirs := wanted(pages, only):
            visits[rider_phone(number)] = list(theirs.items())
    cookies = {
        phone: sign_in_rider(browser, door=door, data_dir=data_dir, phone=phone) for phone in visits
    }
    for language, locale in LANGUAGES.items():
        for scheme in SCHEMES:
            options = {
                "viewport": RIDERS_PHONE,
                "locale": locale,
                "timezone_id": TIME_ZONE,
                "color_scheme": scheme,
            }
            with browser.new_context(**options) as context:  # type: ignore[arg-type]
                page = context.new_page()
                for name, path in wanted({"rider-sign-in": "/sign-in"}, only).items():
                    page.goto(f"http://127.0.0.1:{door}{path}")
                    take(page, f"{name}-{scheme}-{language}")
            for phone, theirs in visits.items():
                with browser.new_context(**options) as context:  # type: ignore[arg-type]
                    context.add_cookies(cookies[phone])
                    page = context.new_page()
                    for name, path in theirs:
                        page.goto(f"http://127.0.0.1:{door}{path}")
                        take(page, f"{name}-{scheme}-{language}")


def main() -> None:
    """Make all pictures anew, or those that are named."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is missing: install it, or name it in CHROMIUM.")
    only = set(sys.argv[1:])
    known = {"app", PRINTED, "rider-sign-in", *PUBLIC, *AFTERWARDS, *RIDER_PAGES}
    known |= {*EARNERS_PAGES, *ROOM}
    if only - known:
        raise SystemExit(f"Unknown: {', '.join(sorted(only - known))}; one of {sorted(known)}")
    TARGET.mkdir(exist_ok=True)
    door, room = free_port(), free_port()
    with (
        tempfile.TemporaryDirectory() as name,
        product(Path(name), door, room),
        sync_playwright() as playwright,
    ):
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        photograph_all(browser, door=door, room=room, data_dir=Path(name), only=only)
        browser.close()
    made = sorted(TARGET.glob("*.png"))
    size_kb = sum(path.stat().st_size for path in made) // 1024
    sys.stdout.write(f"{len(made)} pictures, {size_kb} KB\n")


def photograph_all(
    browser: Browser, *, door: int, room: int, data_dir: Path, only: set[str]
) -> None:
    """Furnish the running demo and take every page that is asked for."""
    accounts = json.loads((data_dir / "demo" / "accounts.json").read_text())
    tokens, password = accounts["rider_tokens"], accounts["password"]
    draw = furnish(browser, door=door, room=room, password=password, rider_tokens=tokens)
    staff = Staff(room, password, draw)
    photograph_door(browser, door=door, rider_token=token_of_a_sender(tokens), only=only)
    photograph_room(browser, staff=staff, only=only)
    if not only or PRINTED in only:
        photograph_print(browser, staff=staff)
    earner = number_of_the_earner(door, tokens)
    photograph_rider(browser, door=door, data_dir=data_dir, earner=earner, only=only)
    # Last, since it sends tips: the pictures of the room show the demo's own figures.
    if not only or "app" in only:
        photograph_app(browser, door=door, photo=demo_photo(data_dir))


if __name__ == "__main__":
    main()
