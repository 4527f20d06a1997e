"""The choices of the filters, each a value and its name in the person's language."""

from review_ui.access.staff import SignedIn
from review_ui.lists.areas import areas
from review_ui.lists.filters import SEVERITIES, Filters
from review_ui.presenting import category_name, county_full, say, state_name
from schemas.flags import FLAGS
from schemas.lifecycle import State
from schemas.taxonomy import CATEGORIES

Options = list[tuple[str, str]]


def filter_choices(*, staff: SignedIn, filters: Filters) -> dict[str, Options]:
    """Return what each select of the filters offers, by the name that the template uses."""
    return {
        # Nobody ever meets a case that is only received: it is routed in the same moment.
        "state_options": [
            (state.value, state_name(state)) for state in State if state is not State.RECEIVED
        ],
        "category_options": [(each.code, category_name(each.code)) for each in CATEGORIES],
        "area_options": [
            (code, county_full(code)) for code in areas(staff=staff, chosen=filters.county)
        ],
        "severity_options": [(str(level), f"{level}/5") for level in SEVERITIES],
        "flag_options": [(code, say(flag.words)) for code, flag in FLAGS.items()],
    }
