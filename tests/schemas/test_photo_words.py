"""The words for photos that can't be read: for who took them and for who works on the case."""

import pytest

from schemas.photo_words import (
    DEATHS,
    FAILURES,
    PICTURE_REASONS,
    note_words,
    unreadable_words,
    words_for_riders,
)

# These two are told of a photo that was read.
OF_READ_PHOTOS = {"colour-profile-unreadable", "derivative-not-clean"}
REASONS = (PICTURE_REASONS.keys() | DEATHS.keys() | FAILURES.keys()) - OF_READ_PHOTOS


@pytest.mark.parametrize("code", sorted(REASONS))
def test_riders_read_what_was_wrong_and_what_they_may_do(code: str) -> None:
    words = words_for_riders(code)
    assert words != unreadable_words(code)
    assert "补充" in words.zh or "不用做什么" in words.zh
    assert "supplement" in words.en or "nothing you need to do" in words.en
    # What protects the examination, and who is suspected of what, is not theirs to read.
    for told in ("手脚", "原始文件", "运维"):
        assert told not in words.zh
    assert "crafted" not in words.en


def test_each_reason_has_words_of_its_own_and_an_unknown_one_has_some() -> None:
    assert len({words_for_riders(code) for code in REASONS}) == len(REASONS)
    assert "打不开" in words_for_riders("of another edition").zh
    assert unreadable_words("of another edition").zh


def test_only_what_is_known_of_a_photo_that_was_read_is_noted() -> None:
    codes = ["exif-place-zero", "colour-profile-unreadable", "derivative-not-clean", "x"]
    assert [len(words.zh) > 10 for words in note_words(codes)] == [True, True]
