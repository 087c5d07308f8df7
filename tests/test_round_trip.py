"""Round trips: a filter survives being written down and read again. Start reading here."""

from hypothesis import given
from hypothesis import strategies as st

from category_filter import CategoryFilter
from category_filter.testing import filters, spellings


class TestCanonicalForm:
    @given(filters())
    def test_parsing_the_canonical_form_returns_the_same_filter(self, f):
        assert CategoryFilter(str(f)) == f

    @given(filters().flatmap(lambda f: st.tuples(st.just(f), spellings(f))))
    def test_every_spelling_has_the_same_canonical_form(self, case):
        f, text = case
        assert CategoryFilter(text) == f
        assert str(CategoryFilter(text)) == str(f)

    @given(filters())
    def test_the_canonical_form_is_its_own_canonical_form(self, f):
        assert str(CategoryFilter(str(f))) == str(f)

    @given(filters())
    def test_the_canonical_form_has_sorted_unique_names_and_no_whitespace(self, f):
        names = str(f).removeprefix("-")
        assert names == (",".join(sorted(f.names)) or "*")

    @given(filters())
    def test_the_constructors_restore_a_filter_from_its_parts(self, f):
        create = CategoryFilter.all_except if f.allows_unlisted else CategoryFilter.only
        assert create(*f.names) == f

    @given(filters())
    def test_evaluating_the_repr_returns_the_same_filter(self, f):
        assert eval(repr(f)) == f  # noqa: S307 - a repr promises this
