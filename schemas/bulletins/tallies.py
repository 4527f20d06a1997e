"""Adds counts up: the total and each row of each table; rates and times are made at the end."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.bulletins.counting import Count
from schemas.bulletins.definitions import INDICATORS, SUMS
from schemas.bulletins.indicators import Nature
from schemas.bulletins.territory import Table
from schemas.weeks import Week

Figures = Mapping[str, int | None]


@dataclass
class Tally:
    """One row's sums: numbers by indicator, riders and shops once each, handling times."""

    numbers: Counter[str] = field(default_factory=Counter)
    once: dict[str, set[object]] = field(default_factory=lambda: defaultdict(set))
    times: Counter[int] = field(default_factory=Counter)

    def add(self, count: Count) -> None:
        """Add what a case counts."""
        if count.days is not None:
            self.times[count.days] += count.number
        elif count.one_of is not None:
            self.once[count.key].add(count.one_of)
        else:
            self.numbers[count.key] += count.number

    def figures(self) -> dict[str, int | None]:
        """Return every indicator; None for a rate or a time of nothing."""
        found: dict[str, int | None] = {}
        numbers = Counter(self.numbers)
        numbers.update({key: len(each) for key, each in self.once.items()})
        for key, parts in SUMS.items():
            numbers[key] = sum(numbers[part] for part in parts)
        for key, each in INDICATORS.items():
            if each.part and each.whole:
                found[key] = basis_points(numbers[each.part], numbers[each.whole])
            elif key == "handling_mean":
                found[key] = mean_hundredths(self.times)
            elif key == "handling_median":
                found[key] = median_hundredths(self.times)
            else:
                found[key] = numbers[key]
        return found


@dataclass
class Tallies:
    """The whole of a week: the total, each table's rows, and the weeks of receipt before."""

    total: Tally = field(default_factory=Tally)
    tables: dict[Table, dict[str, Tally]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Tally))
    )
    cohorts: dict[Week, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def add(self, count: Count, *, week: Week) -> None:
        """Add a count to the total, to its rows, and to its week of receipt."""
        if count.cohort is not None:
            self.cohorts[count.cohort].add(count)
            if count.cohort != week:
                return
        self.total.add(count)
        for table, row in count.rows:
            self.tables[table][row].add(count)


def cohort_figures(tally: Tally) -> dict[str, int | None]:
    """Return the indicators of a week of receipt."""
    return {
        key: value
        for key, value in tally.figures().items()
        if INDICATORS[key].nature is Nature.COHORT
    }


def basis_points(part: int, whole: int) -> int | None:
    """Return part ÷ whole in basis points, half rounded up; None where the whole is zero."""
    return (part * 20_000 + whole) // (2 * whole) if whole else None


def mean_hundredths(times: Counter[int]) -> int | None:
    """Return the mean of handling times in hundredths of a day, half rounded up."""
    number = times.total()
    whole = sum(days * count for days, count in times.items())
    return (whole * 200 + number) // (2 * number) if number else None


def median_hundredths(times: Counter[int]) -> int | None:
    """Return the median of handling times in hundredths of a day."""
    number = times.total()
    if not number:
        return None
    middle = ((number - 1) // 2, number // 2)
    seen, found = 0, []
    for days in sorted(times):
        found += [days for at in middle if seen <= at < seen + times[days]]
        seen += times[days]
    return sum(found) * 50
