"""Photos large, and two pictures laid over one another, in a real browser."""

import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw

from schemas.access import Role
from schemas.tables import PhotoExamination

SHENHE = "210103"
DESKTOP, PHONE = (1366, 768), (390, 844)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("dialect", ["sqlite"], indirect=True),
]


def violations(page):
    found = Axe().run(page).response["violations"]
    return [(each["id"], [n["html"] for n in each["nodes"]]) for each in found]


def picture(*, with_spot: bool, turned: bool) -> bytes:
    """Return a kitchen of few lines, with or without a spot that is a fiftieth of it."""
    image = Image.new("RGB", (640, 480), "#ddd5c5")
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 300, 200), fill="#8a6d3b")
    pen.rectangle((400, 300, 600, 440), fill="#466")
    if with_spot:
        pen.rectangle((320, 60, 400, 136), fill="#111")
    out = io.BytesIO()
    (image.transpose(Image.Transpose.ROTATE_90) if turned else image).save(out, "JPEG", quality=90)
    return out.getvalue()


def looks(name: int) -> str:
    """Return eight hashes far from one another, of which the first is `name`'s own."""
    return "".join(f"{(name + turn) % 8:x}" * 64 for turn in range(8))


@pytest.fixture
def alike(world):
    """A case whose picture was seen before: turned by a quarter and with a spot more."""
    world.person("anna", (Role.INSPECTOR, SHENHE))
    ours, theirs = world.report(photos=3), world.report()
    case = world.case(reports=(ours,))
    world.case(reports=(theirs,))
    world.match(ours, theirs, "same_picture")
    mine, other = world.photo_of(ours), world.photo_of(theirs)
    world.store.put_derivatives(mine, {1280: picture(with_spot=False, turned=True)})
    world.store.put_derivatives(other, {1280: picture(with_spot=True, turned=False)})
    with world.database.writing() as session:
        # Three quarters counter-clockwise bring ours to lie as theirs does.
        for photo, start in ((mine, 0), (other, 3)):
            row = session.get_one(PhotoExamination, photo)
            row.facts = {"dihedral": {"plain": looks(start)}}
    return case


def test_photos_are_walked_zoomed_and_turned_by_keyboard(alike, enter) -> None:
    page = enter("anna", size=DESKTOP)
    page.goto(f"/cases/{alike.number}")
    page.locator("a[data-photo]").first.focus()
    page.keyboard.press("Enter")
    viewer = page.locator("dialog[data-viewer]")
    assert viewer.locator("[data-count]").inner_text() == "1 / 3"
    first = viewer.locator("img").get_attribute("src")
    page.keyboard.press("ArrowRight")
    assert viewer.locator("[data-count]").inner_text() == "2 / 3"
    assert viewer.locator("img").get_attribute("src") != first
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert viewer.locator("[data-count]").inner_text() == "3 / 3"
    page.keyboard.press("r")
    assert viewer.locator("img").get_attribute("data-turns") == "1"
    page.keyboard.press("+")
    page.wait_for_function(
        """() => new DOMMatrix(
          getComputedStyle(document.querySelector(".stage > div")).transform).a > 1.1"""
    )
    assert violations(page) == []
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    # Whoever closes it is where they were.
    assert page.evaluate("document.activeElement.matches('a[data-photo]')")


def test_a_finger_walks_the_photos_on_a_phone(alike, enter) -> None:
    page = enter("anna", size=PHONE)
    page.goto(f"/cases/{alike.number}")
    page.locator("a[data-photo]").first.click()
    page.evaluate(
        """() => {
          const stage = document.querySelector("dialog[data-viewer] .stage");
          const touch = (name, x) => stage.dispatchEvent(new PointerEvent(name,
            {clientX: x, clientY: 300, pointerType: "touch", pointerId: 7, bubbles: true}));
          touch("pointerdown", 300);
          touch("pointerup", 120);
        }"""
    )
    assert page.locator("dialog[data-viewer] [data-count]").inner_text() == "2 / 3"


def test_without_script_a_photo_is_a_link_to_the_large_one(alike, enter) -> None:
    page = enter("anna", javascript=False)
    page.goto(f"/cases/{alike.number}")
    target = page.locator("a[data-photo]").first.get_attribute("href")
    assert target.endswith("/1280.jpg")
    assert page.request.get(target).headers["content-type"] == "image/jpeg"
    assert not page.locator("[data-compare]").first.is_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_two_pictures_are_compared_and_what_differs_is_marked(alike, enter, size) -> None:
    page = enter("anna", size=size)
    page.goto(f"/cases/{alike.number}")
    page.locator("[data-compare]").first.click()
    comparer = page.locator("dialog[data-comparer]")
    page.wait_for_function("() => document.querySelector('[data-comparer] canvas').height === 480")
    comparer.get_by_role("button", name="差异").click()
    # The spot is 2 % of the picture; turned wrongly, a third of it would differ.
    said = comparer.locator("[data-said]").inner_text()
    assert 1.5 < float(said.split("约占画面的 ")[1].split("%")[0]) < 2.5, said
    assert violations(page) == []
    comparer.get_by_role("button", name="滑动").click()
    assert comparer.get_by_label("滑动分界").is_visible()
    comparer.get_by_role("button", name="交替").click()
    assert comparer.locator("[data-said]").inner_text() == "本案"
    comparer.get_by_role("button", name="交替").click()
    assert comparer.locator("[data-said]").inner_text() != "本案"
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    comparer.get_by_role("button", name="关闭").click()
    assert page.evaluate("document.activeElement.matches('[data-compare]')")
