"""Numbers that people read out: dated, with a check character, not countable.

`JB20261121-7KQ4MX-3`: what it is (JB 举报, AJ 案件, JY 建议), the local date, six random
characters of Crockford's base 32 (no I, L, O, U; a thousand million a day, so the
next one can't be guessed nor the day's volume counted) and one check character
(ISO 7064 MOD 37,36) that catches every single wrong character and swap.
"""

import re
import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from stdnum.iso7064 import mod_37_36

from schemas.errors import InvalidInput
from schemas.words import Words

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REPORT_PREFIX = "JB"
CASE_PREFIX = "AJ"
SUGGESTION_PREFIX = "JY"
_LOOK_ALIKES = str.maketrans({"I": "1", "L": "1", "O": "0"})


def new_number(prefix: str, moment: datetime) -> str:
    """Return a new number for something that began at `moment` (aware)."""
    day = moment.astimezone(LOCAL_ZONE).strftime("%Y%m%d")
    body = "".join(secrets.choice(ALPHABET) for _ in range(6))
    check = mod_37_36.calc_check_digit(f"{prefix}{day}{body}")
    return f"{prefix}{day}-{body}-{check}"


def read_number(prefix: str, text: str) -> str:
    """Return the canonical form of a number as a person typed it.

    Small letters, spaces and missing hyphens are forgiven, and O, I, L in the
    random part are read as 0, 1, 1. Raises InvalidInput when the check character
    or the form is wrong.
    """
    plain = "".join(text.upper().split()).replace("-", "")
    number = plain[:10] + plain[10:16].translate(_LOOK_ALIKES) + plain[16:]
    if not re.fullmatch(rf"{prefix}\d{{8}}[{ALPHABET}]{{6}}[0-9A-Z]", number) or not (
        mod_37_36.is_valid(number)
    ):
        raise InvalidInput(
            "number-invalid",
            Words(
                "编号有误,请核对是否抄错。",
                "This number can't be right: check it for a slip of the pen.",
            ),
            field="number",
        )
    return f"{number[:10]}-{number[10:16]}-{number[16:]}"


def new_receipt_code() -> str:
    """Return a secret receipt code of 80 random bits, in four groups that can be read out."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(16))
    return "-".join(body[i : i + 4] for i in range(0, 16, 4))


def read_receipt_code(text: str) -> str:
    """Return a receipt code as it was issued, from what a person typed."""
    plain = "".join(text.upper().split()).replace("-", "").translate(_LOOK_ALIKES)
    return "-".join(plain[i : i + 4] for i in range(0, len(plain), 4))
