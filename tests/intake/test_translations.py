import json
import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOM = Path(__file__).parents[2] / "intake"
CATALOGUES = ROOM / "web/translations"


def texts() -> set[str]:
    with (CATALOGUES / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOM, method_map=methods, options_map=options)
    return {str(message) for _, _, message, _, _ in found}


def test_every_text_of_the_pages_is_translated_and_nothing_else() -> None:
    with (CATALOGUES / "en/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale="en")
    translated = {str(item.id): item for item in catalogue if item.id}
    assert set(translated) == texts()
    assert len(translated) > 40
    for item in translated.values():
        assert item.string
        assert not item.fuzzy
        assert not item.check(catalogue)


def test_every_text_of_the_app_is_translated_and_nothing_else() -> None:
    source = ROOM / "web/src"
    scripts = "".join(path.read_text() for path in source.glob("*.js"))
    said = re.findall(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"', scripts)
    # Every call names its text where it stands: what can't be seen can't be translated.
    assert len(said) == len(re.findall(r"(?<!function )\bsay\(", scripts))
    english = json.loads((source / "words.en.json").read_text())
    assert set(english) == set(said)
    for text, translated in english.items():
        assert re.findall(r"\{\w+\}", translated) == re.findall(r"\{\w+\}", text), text
        assert not re.search(r"[\u4e00-\u9fff]", translated), text
