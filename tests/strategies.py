"""Hypothesis strategies: names, filters, and strings that are nearly filters."""

import string

from hypothesis import strategies as st

from category_filter import CategoryFilter

FIRST = string.ascii_letters + string.digits + "_"
LATER = FIRST + ".:/-"

# A few names collide often; the others are arbitrary valid names.
names = st.sampled_from(["a", "b", "c", "news", "news-", "News"]) | st.builds(
    str.__add__, st.sampled_from(FIRST), st.text(LATER, max_size=8)
)

filters = st.builds(
    lambda make, listed: make(*listed),
    st.sampled_from([CategoryFilter.only, CategoryFilter.all_except]),
    st.frozensets(names, max_size=6),
)

spaces = st.text(" \t", max_size=2)
edges = st.text(" \t\r\n", max_size=2)


@st.composite
def spellings(draw: st.DrawFn, f: CategoryFilter) -> str:
    """Draw any spelling of a filter: any order, duplicates, whitespace."""
    listed = draw(st.permutations(sorted(f.names)))
    if listed:
        listed += draw(st.lists(st.sampled_from(listed), max_size=2))
    body = ",".join(f"{draw(spaces)}{name}{draw(spaces)}" for name in listed)
    minus = "-" + draw(spaces) if str(f).startswith("-") else ""
    return f"{draw(edges)}{minus}{body or '*'}{draw(edges)}"


HOSTILE = "ab-_.,;*\t\r\n \u00a0\u200b\u00ad\u2013\uff0c\u00e9\u0430\x00\ud800"

texts = (
    st.text()
    | st.text(HOSTILE, max_size=12)
    | st.lists(st.sampled_from(["a", "b", ",", "-", "*", " ", ";", "\u2013", "\n"])).map("".join)
)
