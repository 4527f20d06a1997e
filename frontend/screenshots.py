"""Takes the pictures of the main pages that stand in docs/screenshots: `make screenshots`.

Starts the whole product with demo data in a directory of its own, signs in as the demo's
staff and photographs each page in both languages, on a desktop and on a phone.
"""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from suishoupai.demo.phones import messenger_copy
from suishoupai.demo.pictures import kitchen

TARGET = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
SIZES = {"desktop": (1366, 900), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en"}
# The rider's app, on the smallest phone that riders carry, by day and by night.
RIDERS_PHONE = {"width": 360, "height": 740}
KITCHEN = 3
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLOURS = 128
READY = "The demo is ready"
# The demo's first rider, and what stands behind the sign-in.
RIDER = "19900000000"
RIDER_PAGES = {
    "rider-account": "/me",
    "rider-code": "/me/code",
    "rider-leave": "/me/leave",
    "rider-points": "/points",
    "rider-mall": "/points/mall",
    "rider-visits": "/#visits",
    "rider-stations": "/#stations",
}
# What each shows, who looks, and where; `{case}` is a case that waits for a signature.
ROOM = {
    "queue": ("shenhe-1", "/"),
    "case": ("shenhe-1", "{case}"),
    "case-of-the-head": ("shenhe-head", "{case}"),
    "my-work": ("shenhe-1", "/my-work"),
    "templates": ("shenhe-head", "/templates"),
    "map": ("shenyang-dispatch", "/map"),
    "week": ("shenyang-dispatch", "/week"),
    "bulletin": ("shenyang-dispatch", "/bulletins"),
    "bulletin-screen": ("shenyang-dispatch", "/bulletins/screen"),
    "risk": ("shenyang-dispatch", "/risk?base=even"),
    "draw-new": ("shenhe-1", "/draws/new"),
    "account": ("shenhe-1", "/account"),
    "rewards": ("shenyang-rewards", "/rewards"),
    "offers": ("shenyang-rewards", "/rewards/offers"),
    "stations": ("shenyang-rewards", "/rewards/stations"),
    "suggestions": ("shenyang-dispatch", "/suggestions"),
    "invitations": ("shenyang-dispatch", "/invitations"),
    "campaigns": ("shenyang-dispatch", "/campaigns"),
}

# The rider's own pages.
AFTERWARDS = {
    "my-tips": "/me/tips",
    "my-notices": "/me/notices",
    "my-suggestions": "/me/suggestions",
    "my-campaigns": "/me/campaigns",
}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def product(data_dir: Path, door: int, room: int) -> Iterator[None]:
    """Run the product until its demo is loaded, and stop it afterwards."""
    environ = os.environ | {
        "DATA_DIR": str(data_dir),
        "INTAKE_PORT": str(door),
        "REVIEW_PORT": str(room),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "suishoupai", "up"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            if not line.startswith("{"):
                sys.stdout.write(line)
            if READY in line:
                break
        else:
            raise SystemExit("The product ended before its demo was ready; see above.")
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def token_of_a_sender(tokens: dict[str, str]) -> str:
    """Return the token of a demo rider who has sent tips; the greeting's, number 0, has not."""
    return tokens[min((number for number in tokens if number != "0"), key=int)]


def take(page: Page, name: str) -> None:
    """Write what the page shows as a PNG of few colours, the same to the eye."""
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot()))
    small = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    small.save(TARGET / f"{name}.png", optimize=True)


def photograph(browser: Browser, *, door: int, room: int, password: str, rider_token: str) -> None:
    """Take every page in every language and size."""
    for size, (width, height) in SIZES.items():
        for language, locale in LANGUAGES.items():
            options = {"viewport": {"width": width, "height": height}, "locale": locale}
            with browser.new_context(**options) as context:  # type: ignore[arg-type]
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{door}/")
                take(page, f"rider-{size}-{language}")
                page.set_extra_http_headers({"Authorization": f"Bearer {rider_token}"})
                for name, path in AFTERWARDS.items():
                    page.goto(f"http://127.0.0.1:{door}{path}")
                    take(page, f"{name}-{size}-{language}")
            for who in dict.fromkeys(who for who, _ in ROOM.values()):
                with browser.new_context(**options) as context:  # type: ignore[arg-type]
                    page = context.new_page()
                    page.goto(f"http://127.0.0.1:{room}/sign-in")
                    if who == "shenhe-1":
                        take(page, f"sign-in-{size}-{language}")
                    page.fill("input[name=sign_in]", who)
                    page.fill("input[name=password]", password)
                    page.press("input[name=password]", "Enter")
                    # Who works on no cases is led elsewhere, and has none to show.
                    page.wait_for_url(lambda url: "/sign-in" not in url)
                    cases = page.locator("a[href^='/cases/']")
                    case = cases.first.get_attribute("href") if cases.count() else None
                    for name, (whose, path) in ROOM.items():
                        if whose == who:
                            page.goto(f"http://127.0.0.1:{room}{path.format(case=case)}")
                            take(page, f"{name}-{size}-{language}")
                            if name == "campaigns":
                                page.locator("th a[href^='/campaigns/']").first.click()
                                take(page, f"campaign-{size}-{language}")


def sign_in_rider(browser: Browser, *, door: int, data_dir: Path) -> list[Any]:
    """Sign the demo's rider in with the code on the operator's console; return the cookies."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{door}/sign-in")
        page.fill("input[name=phone]", RIDER)
        page.press("input[name=phone]", "Enter")
        page.wait_for_selector("input[name=code]")
        page.fill("input[name=code]", code_on_the_console(data_dir))
        page.press("input[name=code]", "Enter")
        page.wait_for_url(f"http://127.0.0.1:{door}/")
        return list(context.cookies())


def code_on_the_console(data_dir: Path) -> str:
    """Return the code that waits; it is sent beside the request and so comes a little later."""
    environ = os.environ | {"DATA_DIR": str(data_dir)}
    for _ in range(20):
        done = subprocess.run(
            [sys.executable, "-m", "suishoupai", "riders", "codes", "--json"],
            env=environ,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        if codes := json.loads(done.stdout)["codes"]:
            return str(codes[0]["code"])
    raise SystemExit("No sign-in code came to the console.")


def photograph_rider(browser: Browser, *, door: int, data_dir: Path) -> None:
    """Take the pages of signing in and of a rider's account on a phone, light and dark."""
    cookies = sign_in_rider(browser, door=door, data_dir=data_dir)
    for language, locale in LANGUAGES.items():
        for scheme in ("light", "dark"):
            options = {
                "viewport": {"width": 360, "height": 740},
                "locale": locale,
                "color_scheme": scheme,
            }
            with browser.new_context(**options) as context:  # type: ignore[arg-type]
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{door}/sign-in")
                take(page, f"rider-sign-in-{scheme}-{language}")
                context.add_cookies(cookies)
                for name, path in RIDER_PAGES.items():
                    page.goto(f"http://127.0.0.1:{door}{path}")
                    take(page, f"{name}-{scheme}-{language}")


def photograph_app(browser: Browser, *, door: int, photo: Path) -> None:
    """Take each step of a tip on the rider's phone."""
    for language, locale in LANGUAGES.items():
        for scheme in SCHEMES:
            with browser.new_context(
                viewport=RIDERS_PHONE,  # type: ignore[arg-type]
                locale=locale,
                color_scheme=scheme,
                is_mobile=True,
                has_touch=True,
                geolocation={"latitude": 41.7936, "longitude": 123.4529, "accuracy": 12},
                permissions=["geolocation"],
            ) as context:
                walk_app(context.new_page(), door, photo, f"{scheme}-{language}")


def walk_app(page: Page, door: int, photo: Path, kind: str) -> None:
    """Send one tip without a network, then with one, and take every screen on the way."""

    def screen(name: str, place: str = "") -> None:
        if place:
            page.evaluate("(place) => { location.hash = place; }", place)
        page.locator(f"body[data-page='{place or name}'] h1").wait_for()
        take(page, f"app-{name}-{kind}")

    page.goto(f"http://127.0.0.1:{door}/")
    page.locator("#place-consent").wait_for()
    take(page, f"app-consent-{kind}")
    page.locator("#place-consent button").first.tap()
    page.locator(".advice").wait_for()
    take(page, f"app-shutter-{kind}")
    page.set_input_files("#album", photo)
    screen("what")
    page.locator("[data-code=DIRTY_KITCHEN]").tap()
    page.locator("#send").wait_for()
    for name in ("send", "where", "map", "shop", "words"):
        if name == "map":
            page.evaluate("location.hash = 'map'")
            page.locator(".pin-county").first.wait_for(state="attached")
        screen(name, name)
    page.evaluate("location.hash = 'send'")
    page.locator("#send").wait_for()
    photograph_brush(page, kind)
    page.context.set_offline(True)
    page.locator("#send").tap()
    page.locator(".badge.waiting").wait_for()
    take(page, f"app-safe-{kind}")
    page.context.set_offline(False)
    page.locator(".qr").wait_for()
    take(page, f"app-received-{kind}")
    page.locator("button[data-adds]").tap()
    page.locator("#addition").wait_for()
    page.set_input_files("#addition-photos", photo)
    page.locator(".previews .cover").first.wait_for()
    take(page, f"app-add-{kind}")
    screen("mine", "mine")


def photograph_brush(page: Page, kind: str) -> None:
    """Cover a part of the photo as a finger does, and take that screen."""
    page.locator(".previews .cover").first.tap()
    board = page.locator(".brushing canvas").bounding_box()
    if board is None:
        raise SystemExit("There is no photo to brush over.")
    across = [(board["x"] + part * board["width"]) for part in (0.3, 0.45, 0.6)]
    page.mouse.move(across[0], board["y"] + board["height"] / 3)
    page.mouse.down()
    for x in across[1:]:
        page.mouse.move(x, board["y"] + board["height"] / 3)
    page.mouse.up()
    take(page, f"app-cover-{kind}")
    page.go_back()
    page.locator("#send").wait_for()


def demo_photo(directory: Path) -> Path:
    """Write a photo as the demo's riders send them."""
    path = directory / "kitchen.jpg"
    path.write_bytes(messenger_copy(kitchen(KITCHEN)))
    return path


def main() -> None:
    """Make all pictures anew."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is missing: install it, or name it in CHROMIUM.")
    TARGET.mkdir(exist_ok=True)
    door, room = free_port(), free_port()
    with tempfile.TemporaryDirectory() as name, product(Path(name), door, room):
        accounts = json.loads((Path(name) / "demo" / "accounts.json").read_text())
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            photograph_app(browser, door=door, photo=demo_photo(Path(name)))
            photograph(
                browser,
                door=door,
                room=room,
                password=accounts["password"],
                rider_token=token_of_a_sender(accounts["rider_tokens"]),
            )
            photograph_rider(browser, door=door, data_dir=Path(name))
            browser.close()
    made = sorted(TARGET.glob("*.png"))
    size_kb = sum(path.stat().st_size for path in made) // 1024
    sys.stdout.write(f"{len(made)} pictures, {size_kb} KB\n")


if __name__ == "__main__":
    main()
