"""The bulletin's tables on a page: their rows by name, in the order that was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from intake.bulletins.figures import COLUMNS, row_words
from review_ui.presenting import say
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.tallies import Figures
from schemas.bulletins.territory import TABLE_NAMES, Table
from schemas.words import Words

NAME = "name"
_FIRST = "received"


@dataclass(frozen=True, slots=True)
class Order:
    """By which column one table stands."""

    table: str
    column: str
    is_falling: bool

    @property
    def query(self) -> str:
        """The order as it stands in an address."""
        return f"{self.table}.{self.column}.{'down' if self.is_falling else 'up'}"


@dataclass(frozen=True, slots=True)
class Line:
    """One row: every figure that it has; a count that is left out is zero."""

    key: str
    words: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Shape:
    """One table with its columns, rows and order."""

    key: str
    words: Words
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    order: Order

    def turned(self, column: str) -> Order:
        """Return the order that a click on a column's head asks for: falling first, then rising."""
        is_same = self.order.column == column
        return Order(self.key, column, not self.order.is_falling if is_same else column != NAME)

    def sorted_by(self, column: str) -> str | None:
        """Return what `aria-sort` says of a column."""
        if self.order.column != column:
            return None
        return "descending" if self.order.is_falling else "ascending"


def tables_of(bulletin: Bulletin, *, order: str = "") -> tuple[Shape, ...]:
    """Return all tables of a bulletin that have rows; `order` is of Order.query."""
    asked = _read_order(order)
    return tuple(
        _shape(name, bulletin.tables[name.value], asked)
        for name in Table
        if bulletin.tables.get(name.value)
    )


def _read_order(text: str) -> Order | None:
    table, _, rest = text.partition(".")
    column, _, way = rest.partition(".")
    is_one = table in {each.value for each in Table} and column in (NAME, *COLUMNS)
    return Order(table, column, way != "up") if is_one else None


def _shape(name: Table, rows: Mapping[str, Figures], asked: Order | None) -> Shape:
    order = asked if asked and asked.table == name else Order(name.value, _FIRST, is_falling=True)
    if name is Table.SEVERITY and order is not asked:
        order = Order(name.value, NAME, is_falling=True)
    lines = [Line(key, say(row_words(name.value, key)), figures) for key, figures in rows.items()]
    lines.sort(key=lambda line: line.key)
    lines.sort(key=lambda line: _rank(line, order.column), reverse=order.is_falling)
    return Shape(name.value, TABLE_NAMES[name], COLUMNS, tuple(lines), order)


def _rank(line: Line, column: str) -> tuple[bool, int, str]:
    if column == NAME:
        return False, 0, line.key
    value = line.figures.get(column)
    return value is not None, value or 0, ""
