"""What both doors have to do with browsers: their names, their forms, and ways back."""

from schemas.errors import NotAllowed
from schemas.words import Words

# The first that stands in the browser's name for itself: most name Chrome and Safari too.
_FAMILIES = (
    ("MicroMessenger/", "WeChat"),
    ("DingTalk/", "DingTalk"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("QQBrowser/", "QQ Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("UCBrowser/", "UC Browser"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
# Android names Linux, and phones of both kinds name what they are like.
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def browser_family(user_agent: str) -> str | None:
    """Return the family of a browser by its User-Agent header; no more of it is kept."""
    return next((name for mark, name in _FAMILIES if mark in user_agent), None)


def device_name(user_agent: str) -> str | None:
    """Return what a person calls a device by its User-Agent header, such as «Chrome · Android».

    Model and versions are left out: together they would tell one phone from most others.
    """
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    known = [name for name in (browser_family(user_agent), system) if name]
    return " · ".join(known) or None


def form_expired() -> NotAllowed:
    """Return the refusal of a form that does not come from a page of ours."""
    return NotAllowed(
        "form-expired",
        Words(
            "这个页面放得太久，表单已失效，没有提交。请返回上一页，刷新后再提交。",
            "The page was open for too long and its form is no longer valid; nothing was "
            "sent. Go back, reload the page and send it again.",
        ),
    )


def local_path(text: str) -> str:
    """Return a path of this site to go back to; anything else becomes the front page."""
    # A browser reads «//host» and «/\host» as another site.
    safe = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if safe else "/"
