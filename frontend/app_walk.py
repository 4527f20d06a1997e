"""Walks through the rider's app, from the consent to a tip that was received."""

from pathlib import Path

from playwright.sync_api import Browser, Page
from taking import LANGUAGES, RIDERS_PHONE, SCHEMES, TIME_ZONE, take

from suishoupai.demo.phones import messenger_copy
from suishoupai.demo.pictures import kitchen

KITCHEN = 3


def photograph_app(browser: Browser, *, door: int, photo: Path) -> None:
    """Take each step of a tip on the rider's phone."""
    for language, locale in LANGUAGES.items():
        for scheme in SCHEMES:
            with browser.new_context(
                viewport=RIDERS_PHONE,  # type: ignore[arg-type]
                locale=locale,
                timezone_id=TIME_ZONE,
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
