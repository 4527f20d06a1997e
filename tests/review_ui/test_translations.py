"""Every sentence of the pages exists in Chinese and in English, and nothing else is on them."""

import re

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from review_ui.casefile.forms import ACTIONS
from review_ui.room import WEB
from schemas.lifecycle import TRANSITIONS

# Chinese characters and the punctuation that goes with them.
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
# Strings in calls of _() stand between quotes of one kind.
TRANSLATED = re.compile(r"_\(\s*('[^']*'|\"[^\"]*\")")
COMMENT = re.compile(r"\{#.*?#\}", re.S)


def used():
    """Return every message that the templates ask for."""
    found = extract_from_dir(
        str(WEB / "templates"), method_map=[("**.html", "jinja2")], keywords={"_": None}
    )
    return {message for _, _, message, _, _ in found}


def catalogue():
    with (WEB / "translations" / "en" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="en")


def test_every_message_has_its_english_sentence() -> None:
    messages = used()
    assert len(messages) > 100
    translated = {message.id for message in catalogue() if message.string and not message.fuzzy}
    assert messages - translated == set()


def test_the_catalogue_holds_nothing_that_is_no_longer_said() -> None:
    assert {message.id for message in catalogue() if message.id} - used() == set()


def test_no_english_sentence_is_chinese_and_every_blank_is_filled() -> None:
    for message in catalogue():
        if message.id:
            assert not CHINESE.search(message.string), message.id
            blanks = re.findall(r"%\((\w+)\)s", message.id)
            assert sorted(blanks) == sorted(re.findall(r"%\((\w+)\)s", message.string)), message.id


@pytest.mark.parametrize("path", sorted((WEB / "templates").glob("*.html")), ids=lambda p: p.name)
def test_no_template_says_anything_untranslated(path) -> None:
    rest = TRANSLATED.sub("_(", COMMENT.sub("", path.read_text()))
    # The name of the other language is always said in that language.
    rest = rest.replace("'中文' if locale == 'en'", "")
    assert CHINESE.findall(rest) == []


def test_every_move_has_a_word_for_what_one_does() -> None:
    by_hand = {move.target for move in TRANSITIONS if "pipeline" not in move.roles}
    assert by_hand <= ACTIONS.keys()
