"""QR codes for pages and for print."""

from pathlib import Path

import segno
from markupsafe import Markup

from schemas.errors import InvalidInput
from schemas.words import Words

PRINTED = (".svg", ".png")


def qr_code(text: str) -> Markup:
    """Return a QR code as SVG to stand in a page, as large as the page's style sheet says.

    It brings no style of its own: the CSP forbids that.
    """
    drawn = segno.make_qr(text, error="m").svg_inline(
        border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    # Segno draws it from numbers; nothing of the text stands in the markup.
    return Markup(drawn)  # noqa: S704


def print_qr_code(text: str, path: Path) -> None:
    """Write a QR code for a poster; raises InvalidInput `qr-format` unless it is SVG or PNG."""
    if path.suffix.lower() not in PRINTED:
        raise InvalidInput(
            "qr-format",
            Words("二维码文件名须以 .svg 或 .png 结尾。", "Name the file .svg or .png."),
            field="qr",
        )
    segno.make_qr(text, error="q").save(str(path), scale=20, border=4, dark="#000", light="#fff")
