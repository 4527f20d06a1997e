"""The bundled front end of a room: its files by their plain names, read_bundle()."""

import json
from pathlib import Path

from schemas.errors import Unavailable
from schemas.words import Words


def read_bundle(web: Path, *, required: bool) -> dict[str, str]:
    """Return the bundled files of `web` by their plain names, as frontend/build.mjs wrote them.

    Without a bundle pages are bare but work; where it is `required`, raises Unavailable.
    """
    try:
        text = (web / "static" / "dist" / "manifest.json").read_text()
    except FileNotFoundError:
        if required:
            raise Unavailable(
                "pages-not-bundled",
                Words(
                    "页面的样式和脚本还没有打包：请运行 npm ci 和 npm run build。",
                    "Styles and scripts are not bundled: run npm ci and npm run build.",
                ),
            ) from None
        return {}
    names: dict[str, str] = json.loads(text)
    return names
