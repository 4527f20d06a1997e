"""How a draw is reckoned: by SHA-256 alone, so that `sha256sum` is enough to do it again.

A list is a text of tickets, one a line: `<number>|<item as canonical JSON>`, sorted by bytes.
Every item has one ticket, or as many as its weight. The seed is 64 hexadecimal digits. Of
each ticket SHA-256 of `<seed>|<public value>|<ticket>` is taken; by these hashes the tickets
are put in order, and the items of the first ones are drawn, each once. An item with w
tickets is thereby drawn as by successive sampling with probabilities that are proportional to w
(each next ticket of those that are left is equally likely).

The seed is made by the system's random source when the draw is prepared and only its hash
is shown (commit and reveal, Blum 1983): nobody can choose the seed after seeing the list,
nor the list after seeing the seed. A public value that is not known at that time, such as a
lottery's numbers of a later day, takes away that whoever keeps the keys could look at the
seed before.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.errors import InvalidInput
from schemas.words import Words

# More than a city's licensed caterers on one list; each is hashed once.
MOST_ITEMS = 20_000
MOST_TICKETS = 99


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be drawn; `key` tells it apart in its list."""

    key: str
    name: str
    address: str = ""

    @property
    def canonical(self) -> str:
        """The item as canonical JSON: sorted keys, no spaces, UTF-8."""
        document = {"address": self.address, "key": self.key, "name": self.name}
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read_item(canonical: str) -> Item:
    """Return an item by its canonical JSON."""
    found = json.loads(canonical)
    return Item(key=found["key"], name=found["name"], address=found["address"])


def tickets_of(weighted: Iterable[tuple[Item, int]]) -> str:
    """Return the canonical text of a list of items and their numbers of tickets.

    The order of the list changes nothing. Of items with one key the first by bytes stays.
    Raises InvalidInput `draw-list-empty` or `draw-list-long`.
    """
    found: dict[str, tuple[str, int]] = {}
    for item, number in weighted:
        entry = (item.canonical, max(1, min(number, MOST_TICKETS)))
        found[item.key] = min(found.get(item.key, entry), entry)
    if not found:
        raise InvalidInput(
            "draw-list-empty",
            Words("名单里一家也没有，请换条件或名单。", "The list is empty: choose another."),
            field="items",
        )
    if len(found) > MOST_ITEMS:
        raise InvalidInput(
            "draw-list-long",
            Words(
                f"名单最多 {MOST_ITEMS} 家，请分开抽取。",
                f"A list holds {MOST_ITEMS} at most: draw in parts.",
            ),
            field="items",
        )
    lines = [
        f"{ticket}|{canonical}"
        for canonical, number in found.values()
        for ticket in range(1, number + 1)
    ]
    return "".join(f"{line}\n" for line in sorted(lines, key=str.encode))


def items_of(tickets: str) -> tuple[Item, ...]:
    """Return the items of a canonical text, each once, in the text's order."""
    found = dict.fromkeys(line.partition("|")[2] for line in lines_of(tickets))
    return tuple(read_item(each) for each in found)


def drawn_from(tickets: str, *, seed: str, public_value: str, size: int) -> tuple[str, ...]:
    """Return the first `size` items of a canonical text by seed, as canonical JSON, in order."""
    hashed = sorted(
        (sha256(f"{seed}|{public_value}|{line}"), line.partition("|")[2])
        for line in lines_of(tickets)
    )
    return tuple(dict.fromkeys(item for _, item in hashed))[:size]


def lines_of(text: str) -> list[str]:
    """Return a text's lines, which end with a line feed and with nothing else."""
    return text.split("\n")[:-1]


def new_seed() -> str:
    """Return a seed that nobody chose: 256 bits of the system's random source, hexadecimal."""
    return os.urandom(32).hex()


def sha256(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 in hexadecimal, as `sha256sum` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


def as_text(items: Sequence[str]) -> str:
    """Return items as they are stored and offered: one a line."""
    return "".join(f"{each}\n" for each in items)
