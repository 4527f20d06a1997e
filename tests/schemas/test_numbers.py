"""Numbers can be read out, catch a slip of the pen, and give no count away."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidInput
from schemas.numbers import ALPHABET, new_number, new_receipt_code, read_number, read_receipt_code

NOON = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def test_the_date_in_a_number_is_local() -> None:
    assert new_number("JB", NOON).startswith("JB20261122-")


def test_a_number_is_read_as_people_type_it() -> None:
    number = new_number("JB", NOON)
    assert read_number("JB", f" {number.lower().replace('-', ' ')} ") == number


@given(st.integers(2, 16), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_caught(place: int, wrong: str) -> None:
    number = new_number("AJ", NOON).replace("-", "")
    mistaken = number[:place] + wrong + number[place + 1 :]
    if mistaken == number:
        return
    with pytest.raises(InvalidInput, match="number-invalid"):
        read_number("AJ", mistaken)


@pytest.mark.parametrize("text", ["", "JB", "JB20261122-AAAAAA", "AJ20261122-7KQ4MX-3", "é" * 17])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="number-invalid"):
        read_number("JB", text)


def test_numbers_of_a_day_do_not_count_up() -> None:
    bodies = [new_number("JB", NOON)[11:17] for _ in range(200)]
    assert len(set(bodies)) == 200
    assert bodies != sorted(bodies)


def test_a_receipt_code_is_read_as_people_type_it() -> None:
    code = new_receipt_code()
    assert read_receipt_code(code.lower().replace("-", "")) == code
    assert read_receipt_code(code.replace("0", "O").replace("1", "l")) == code
