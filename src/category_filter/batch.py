"""Tables: filters over whole columns, in the engine that holds them.

A table of pandas, Polars, PyArrow, DuckDB, Dask or PySpark comes in, and one of the same kind goes
out. What is lazy stays lazy, but for the distinct texts of the filters: those are collected, each
is parsed once, and the engine joins what it means to the rows.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

try:
    import narwhals.stable.v2 as nw
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "tables need Narwhals: pip install 'category-filter[batch]'", name=error.name
    ) from None

from category_filter._filter import CategoryFilter
from category_filter._messages import quote
from category_filter.errors import CategoryFilterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from category_filter.categories import Categories

    Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]
    Invalid = Literal["raise", "deny"]
    _Columns = dict[str, tuple[nw.dtypes.DType, list[Any]]]

__all__ = ["LIMIT", "audience", "deliveries", "keep", "precompute"]

LIMIT = 5_000_000
"""How many distinct texts are collected, unless `limit` says otherwise."""

_MASK_BITS = 63
_SHOWN = 5
_EVERYTHING = CategoryFilter("*")


def keep(events: IntoFrameT, f: str | CategoryFilter, category: str = "category") -> IntoFrameT:
    """The rows whose category a filter allows; where there is no category, nothing is allowed.

    >>> import polars as pl
    >>> events = pl.DataFrame({"category": ["news", "ads", None], "title": ["A", "B", "C"]})
    >>> keep(events, "-ads")["title"].to_list()
    ['A']

    Args:
        events: A table.
        f: A filter or its text.
        category: The column of categories.

    Raises:
        FilterSyntaxError: The text is no filter.
        TypeError: There is no table, or the column holds something else than text.
        ValueError: There is no such column.
    """
    wanted = CategoryFilter(f)
    frame = _frame(events, category)
    allowed = nw.lit(value=wanted.allows_unlisted)
    if wanted.names:
        listed = _as_text(frame, category).is_in(sorted(wanted.names))
        allowed = ~listed if wanted.allows_unlisted else listed
    return cast("IntoFrameT", frame.filter(~nw.col(category).is_null() & allowed).to_native())


def precompute(  # noqa: PLR0913 - options by name
    subs: IntoFrameT,
    categories: Categories,
    filter: str = "category_filter",  # noqa: A002 - the column's own name
    *,
    mask: bool = True,
    suffix: str = "",
    missing: str | CategoryFilter = _EVERYTHING,
    limit: int = LIMIT,
) -> IntoFrameT:
    """The same rows with what their filters mean: `canonical`, `mask`, `unknown` and `error`.

    >>> import polars as pl
    >>> from category_filter import Categories
    >>> subs = pl.DataFrame({"category_filter": ["-ads", "old,news", None, "news;ads"]})
    >>> known = Categories(["news", "ads"])
    >>> for row in precompute(subs, known).rows():
    ...     print(row)
    ('-ads', '-ads', 1, None, None)
    ('old,news', 'news,old', 1, 'old', None)
    (None, '*', 3, None, None)
    ('news;ads', None, 0, None, "write ',' instead of ';'; did you mean 'news,ads'?")

    A row that holds no filter is kept, with its error in one line and a mask that allows nothing.
    Names outside the known set are no error, but are listed in `unknown`, between commas.

    Args:
        subs: A table.
        categories: The known set; bit i of the mask, an int64, is its i-th category.
        filter: The column of filters.
        mask: Whether to add the mask, for which there may be 63 categories.
        suffix: What to append to the names of the new columns.
        missing: The filter where there is none.
        limit: How many distinct texts may be collected.

    Raises:
        TypeError: There is no table, or the column holds something else than text.
        ValueError: There is no such column, one of the new ones exists, there are too many
            categories for a mask, or too many distinct texts.
    """
    if mask and len(categories) > _MASK_BITS:
        raise ValueError(
            f"a mask has room for {_MASK_BITS} categories, not {len(categories)}: do without it"
            " (mask=False, --no-mask)"
        )
    frame = _frame(subs, filter)
    columns: _Columns = {"canonical": (nw.String(), [])}
    if mask:
        columns["mask"] = (nw.Int64(), [])
    columns |= {"unknown": (nw.String(), []), "error": (nw.String(), [])}
    for name in columns:
        if name + suffix in frame.collect_schema():
            raise ValueError(f"there is a column {name + suffix!r} already: choose a suffix")
    column = _FilterColumn.read(frame, filter, missing, limit)
    # No filter is kept, since a million of them would keep the garbage collector busy.
    for f, error in column.meanings():
        columns["canonical"][1].append(str(f) if f else None)
        columns["unknown"][1].append((",".join(categories.unknown(f)) or None) if f else None)
        columns["error"][1].append(error)
        if mask:
            columns["mask"][1].append(categories.mask(f) if f else 0)
    named = {name + suffix: values for name, values in columns.items()}
    return cast("IntoFrameT", column.joined_with(named).to_native())


def audience(  # noqa: PLR0913 - likewise
    subs: IntoFrameT,
    categories: Categories,
    filter: str = "category_filter",  # noqa: A002 - the column's own name
    *,
    missing: str | CategoryFilter = _EVERYTHING,
    invalid: Invalid = "raise",
    limit: int = LIMIT,
) -> IntoFrameT:
    """How many rows would get each known category: columns `category` and `subscribers`.

    >>> import polars as pl
    >>> from category_filter import Categories
    >>> subs = pl.DataFrame({"category_filter": ["-ads", "news", None]})
    >>> audience(subs, Categories(["news", "ads", "log"])).rows()
    [('news', 3), ('ads', 1), ('log', 2)]

    Args:
        subs: A table.
        categories: The known set; there is one row a category, in its order.
        filter: The column of filters.
        missing: The filter where there is none.
        invalid: What to do about rows that hold no filter: raise, or deny them everything.
        limit: How many distinct texts may be collected.

    Raises:
        TypeError: There is no table, or the column holds something else than text.
        ValueError: There is no such column, some rows hold no filter, or there are too many
            distinct texts.
    """
    column = _FilterColumn.read(_frame(subs, filter), filter, missing, limit)
    everybody = 0
    listed: Counter[str] = Counter()
    for f, rows in zip(column.filters(invalid), column.rows.values(), strict=True):
        everybody += rows * f.allows_unlisted
        for name in f.names:
            listed[name] += -rows if f.allows_unlisted else rows
    result = _like(
        column.frame,
        {
            "category": (nw.String(), [*categories]),
            "subscribers": (nw.Int64(), [everybody + listed[name] for name in categories]),
        },
    )
    return cast("IntoFrameT", result.to_native())


def deliveries(  # noqa: PLR0913 - likewise
    subs: IntoFrameT,
    events: IntoFrameT,
    on: str | Sequence[str],
    filter: str = "category_filter",  # noqa: A002 - the column's own name
    category: str = "category",
    *,
    missing: str | CategoryFilter = _EVERYTHING,
    invalid: Invalid = "raise",
    limit: int = LIMIT,
) -> IntoFrameT:
    """The pairs of an event and a subscription of the same key whose filter allows its category.

    >>> import polars as pl
    >>> subs = pl.DataFrame({"account": [1, 1], "category_filter": ["-ads", "*"]})
    >>> events = pl.DataFrame({"account": [1, 2], "category": ["ads", "news"]})
    >>> deliveries(subs, events, on="account").rows()
    [(1, 'ads', '*')]

    The columns are the event's, and then the subscription's without the key; `_right` is appended
    to a name that both have. The order of the rows is the engine's affair.

    Args:
        subs: A table of subscriptions.
        events: A table of events, of the same engine.
        on: The column or columns of the key, named alike in both.
        filter: The subscription's column of filters.
        category: The event's column of categories; where it is null, nothing is delivered.
        missing: The filter where there is none.
        invalid: What to do about rows that hold no filter: raise, or deny them everything.
        limit: How many distinct texts may be collected.

    Raises:
        TypeError: There is no table, or a column of filters or categories holds no text.
        ValueError: There is no such column, some rows hold no filter, or there are too many
            distinct texts.
    """
    key = [on] if isinstance(on, str) else [*on]
    subscriptions, occurred = _frame(subs, filter, *key), _frame(events, category, *key)
    if (type(subscriptions), subscriptions.implementation) != (
        type(occurred),
        occurred.implementation,
    ):
        kinds = [f"{type(table).__module__}.{type(table).__name__}" for table in (subs, events)]
        raise TypeError(f"both tables are of one kind, not {' and '.join(kinds)}")
    # The join on the key comes first, and only the names that filters list are joined to the
    # pairs: a plan that multiplied filters by categories took 60 times as long, and 20 GB.
    pairs = (
        occurred.filter(~nw.col(category).is_null())
        .with_columns(_as_text(occurred, category).alias(_NAME))
        .join(subscriptions, on=key, how="inner")
    )
    text = f"{filter}_right" if filter in {*occurred.collect_schema()} - {*key} else filter
    if invalid == "deny" and isinstance(pairs, nw.DataFrame):
        # Of ten million filters, a million pairs want only theirs: half of the time.
        column = _FilterColumn.read(pairs, text, missing, limit)
    else:
        column = _FilterColumn.read(subscriptions, filter, missing, limit)
        column = column._replace(frame=pairs, name=text)
    filters = column.filters(invalid)
    names = [(number, name) for number, f in enumerate(filters) for name in sorted(f.names)]
    listed = _like(
        column.frame,
        {
            _NUMBER: (nw.Int64(), [number for number, _ in names]),
            _NAME: (nw.String(), [name for _, name in names]),
            _LISTED: (nw.Boolean(), [True] * len(names)),
        },
    )
    meant = column.joined_with(
        {
            _NUMBER: (nw.Int64(), [*range(len(filters))]),
            _OPEN: (nw.Boolean(), [f.allows_unlisted for f in filters]),
        }
    )
    allowed = meant.join(listed, on=[_NUMBER, _NAME], how="left").filter(
        nw.col(_LISTED).is_null() == nw.col(_OPEN)
    )
    result = allowed.drop(_NAME, _NUMBER, _OPEN, _LISTED)
    return cast("IntoFrameT", result.to_native())


class _Meaning(NamedTuple):
    """What a text stands for: a filter, or else the error that it is none."""

    f: CategoryFilter | None
    error: str | None


class _FilterColumn(NamedTuple):
    """A table's column of filters: each distinct text, how often it is there, and its meaning."""

    frame: Any
    name: str
    default: str
    rows: dict[str, int]

    @classmethod
    def read(
        cls,
        frame: Any,  # noqa: ANN401 - eager or lazy
        name: str,
        missing: str | CategoryFilter,
        limit: int,
    ) -> _FilterColumn:
        """Collect the distinct texts."""
        default = str(CategoryFilter(missing))
        # `unique` would be a window function on DuckDB and Spark, and cost twenty times as much.
        distinct = (
            frame.group_by(name).agg(nw.len().alias(_NUMBER)).head(limit + 1).lazy().collect()
        )
        if len(distinct) > limit:
            raise ValueError(
                f"there are more than {limit:,} distinct texts in {name!r}, each of which would be"
                " held in memory: pass a higher limit"
            )
        texts, counts = distinct[name].to_list(), distinct[_NUMBER].to_list()
        rows: dict[str, int] = dict(zip(texts, counts, strict=True))
        nulls = [text for text in rows if not isinstance(text, str)]
        for other in nulls:
            if str(other) not in _NULLS:
                raise TypeError(f"the column {name!r} holds {type(other).__name__}, not only text")
        rows[default] = rows.get(default, 0) + sum(rows.pop(null) for null in nulls)
        return cls(frame, name, default, rows)

    def meanings(self) -> Iterator[_Meaning]:
        """What each distinct text stands for."""
        return map(_meaning, self.rows)

    def filters(self, invalid: Invalid) -> list[CategoryFilter]:
        """The filter of each distinct text, if all are filters or those that are none deny all."""
        if invalid not in {"raise", "deny"}:
            raise ValueError(f"invalid is 'raise' or 'deny', not {invalid!r}")
        meanings = [*self.meanings()]
        errors = {
            text: error for text, (_, error) in zip(self.rows, meanings, strict=True) if error
        }
        if errors and invalid == "raise":
            count = sum(self.rows[text] for text in errors)
            rows = "row holds" if count == 1 else "rows hold"
            lines = [
                f"{count:,} {rows} no filter in {self.name!r} (invalid='deny' denies them all):"
            ]
            commonest = sorted(errors, key=lambda text: (-self.rows[text], text))
            lines += [f"    {quote(text)}: {errors[text]}" for text in commonest[:_SHOWN]]
            if more := len(commonest[_SHOWN:]):
                lines.append(f"    and {more:,} more")
            raise ValueError("\n".join(lines))
        return [f or _NOTHING for f, _ in meanings]

    def joined_with(self, columns: _Columns) -> Any:  # noqa: ANN401 - a frame as it was given
        """The table with new columns, whose values are those of the distinct texts."""
        texts = [*self.rows]
        frame: Any = self.frame
        if isinstance(self.frame, nw.DataFrame):
            column = frame[self.name]
            if column.dtype in (nw.Unknown, nw.Enum):  # an enum has no room for the default
                column = column.cast(nw.String)
            numbers = column.replace_strict(
                texts,
                [*range(len(texts))],
                default=texts.index(self.default),
                return_dtype=nw.UInt32,  # what Polars gathers by without looking at it twice
            )
            backend = frame.implementation
            return frame.with_columns(
                nw.new_series(name, values, dtype, backend=backend)[numbers].alias(name)
                for name, (dtype, values) in columns.items()
            )
        given = nw.when(~nw.col(self.name).is_null()).then(_as_text(frame, self.name))
        table = _like(frame, {_TEXT: (nw.String(), texts), **columns})
        return (
            frame.with_columns(given.otherwise(nw.lit(self.default)).alias(_TEXT))
            .join(table, on=_TEXT, how="left")
            .drop(_TEXT)
        )


_NOTHING = CategoryFilter("-*")
_TEXT, _NUMBER, _NAME, _LISTED, _OPEN = (
    f"category_filter__{name}" for name in ("text", "number", "name", "listed", "open")
)
_TEXTUAL = (nw.String, nw.Categorical, nw.Enum, nw.Unknown)
"""What may hold texts; unknown is the type of a column that is null throughout."""


_NULLS = {"None", "nan", "<NA>", "NaT"}
"""How the many kinds of nulls are written."""


def _meaning(text: str) -> _Meaning:
    try:
        return _Meaning(CategoryFilter(text), None)
    except CategoryFilterError as error:
        return _Meaning(None, error.summary())


def _frame(native: Any, text: str, *others: str) -> Any:  # noqa: ANN401 - of any engine
    """The table, if it has the columns, the first of them of text."""
    try:
        frame = nw.from_native(native)
    except TypeError:
        raise TypeError(
            f"a {type(native).__name__} is no table of pandas, Polars, PyArrow, DuckDB, Dask or"
            " PySpark"
        ) from None
    if frame.implementation.is_pyarrow():  # which cannot group what each chunk encodes differently
        frame = nw.from_native(frame.to_native().unify_dictionaries())
    schema = frame.collect_schema()
    for column in (text, *others):
        if column not in schema:
            names = ", ".join(map(repr, schema))
            raise ValueError(f"there is no column {column!r}, but {names}")
    if schema[text] not in _TEXTUAL:
        raise TypeError(f"the column {text!r} holds {schema[text]}, not text")
    return frame


def _as_text(frame: Frame, column: str) -> nw.Expr:
    """A column as plain text, also if it is encoded or null throughout."""
    expression = nw.col(column)
    return expression if frame.collect_schema()[column] == nw.String else expression.cast(nw.String)


def _like(frame: Frame, columns: _Columns) -> Any:  # noqa: ANN401 - a frame of the same kind
    """A new table where another is: in its engine, and in its session or connection."""
    backend = frame.implementation
    data = {name: values for name, (_, values) in columns.items()}
    schema = {name: dtype for name, (dtype, _) in columns.items()}
    if isinstance(frame, nw.DataFrame):
        return nw.from_dict(data, schema, backend=backend)
    table = nw.from_dict(data, schema, backend="polars" if backend.is_polars() else "pyarrow")
    native = frame.to_native()
    if backend.is_duckdb():
        category_filter__table = table.to_native()  # noqa: F841  # pyright: ignore[reportUnusedVariable] - the query finds it by this name
        query = "SELECT * FROM category_filter__table"
        return nw.from_native(native.query("category_filter__rows", query))
    if backend.is_pyspark():
        return table.lazy(backend, session=native.sparkSession)
    return table.lazy(backend)
