"""What the engines call in their own threads and processes, where coverage is not measured."""

import pandas as pd
import polars as pl
import pytest

from category_filter import navixy
from category_filter.batch import _meanings, _polars, spark
from category_filter.batch._meanings import Meanings
from category_filter.cli import _lines
from category_filter.cli._csv import REASON, read_csv
from category_filter.cli._formats import FileFormat
from category_filter.cli._rewrite import added_columns
from category_filter.cli._scan import scan
from category_filter.cli._tally import Tally

CARRIAGE_RETURN = (
    "a carriage return outside quotes: quote the field, or end the lines with line feeds"
)


def csv_rows(path):
    schema, read = read_csv(path, "in.csv", ",")
    frame = pl.concat([pl.DataFrame(schema=schema), *read()])
    assert frame.columns[-1] == REASON
    return frame.rows()


class TestCsv:
    @pytest.mark.parametrize("block_bytes", [1, 8, 1_000])
    def test_short_and_quoted_rows_are_read(self, tmp_path, monkeypatch, block_bytes):
        monkeypatch.setattr(_lines, "_BLOCK_BYTES", block_bytes)
        path = tmp_path / "in.csv"
        path.write_bytes(b'a,b\n1,"x"\n\n"y\n1,x,y\n2",z\n3\n')
        if block_bytes == 1:  # a quoted field has to end in its block
            with pytest.raises(ValueError, match=r"^in.csv:4: a quote is never closed$"):
                csv_rows(path)
            return
        assert csv_rows(path) == [
            *(("1", "x", None), (None, None, "blank line"), ("y\n1,x,y\n2", "z", None)),
            ("3", None, "short row: 1 of 2 fields"),
        ]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("1,x\n1,x,y\n", "in.csv:3: more than 2 fields: quote a list that contains commas"),
            ("1,x\n1,'\"x\n", "in.csv:3: a quote is never closed"),
            ('1,x\n1,"x"y\n', "in.csv:3: invalid quotes: quote the whole field, and double"),
            ('1,x\n1,x"y\n2,y"\n', "in.csv:3: invalid quotes: quote the whole field, and double"),
            ('1,x\n2,"a"b"c"\n', "in.csv:3: invalid quotes: quote the whole field, and double"),
            ('1,x\n"2","a"-"b"\n', "in.csv:3: invalid quotes: quote the whole field, and double"),
            ('1,""\n2,"""a"",b"\r\n3,a"b"\n', "in.csv:4: invalid quotes: quote the whole field"),
            (
                "1,x\n1,,\x1e,y\n",
                "in.csv:3: more than 2 fields: quote a list that contains commas",
            ),
            ("1,x\n\r,y\n", f"in.csv:3: {CARRIAGE_RETURN}"),
            ("1,x\n2,y\r\r\n", f"in.csv:3: {CARRIAGE_RETURN}"),
            ('1,"\r\n\r,"\r\n2,x\ry\n', f"in.csv:4: {CARRIAGE_RETURN}"),
        ],
    )
    def test_the_error_names_the_line_of_a_broken_row(self, tmp_path, rows, message):
        (tmp_path / "in.csv").write_text(f"a,b\n{rows}")
        with pytest.raises(ValueError, match=f"^{message}"):
            csv_rows(tmp_path / "in.csv")

    def test_a_carriage_return_alone_is_not_a_line_end(self, tmp_path):
        (tmp_path / "in.csv").write_text("a,b\r1,x\r")
        with pytest.raises(ValueError, match=f"^in.csv:1: {CARRIAGE_RETURN}$"):
            csv_rows(tmp_path / "in.csv")

    def test_control_characters_are_part_of_a_field(self, tmp_path):
        (tmp_path / "in.csv").write_text('a,b\r\n\x1e,"\r"\r\n"x\r\n\r","y\r"\r\n')
        assert csv_rows(tmp_path / "in.csv") == [
            ("\x1e", "\r", None),
            ("x\r\n\r", "y\r", None),
        ]


def test_types_that_differ_between_blocks_are_an_error_of_the_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(_lines, "_BLOCK_BYTES", 1)
    path = tmp_path / "in.ndjson"
    path.write_text('{"a":[1]}\n{"a":{"b":1}}\n')
    with (
        pytest.raises(pl.exceptions.SchemaError, match=r"^failed to determine supertype"),
        scan(path, "in.ndjson", FileFormat("ndjson")),
    ):
        pass


@pytest.mark.parametrize("mask", [True, False])
def test_reasons_replace_what_the_filters_mean(mask):
    tally = Tally()
    meanings = Meanings("f", navixy.CATEGORIES, mask=mask, suffix="_2")
    columns = [pl.Series("f", ["*", "old", "a;b"]), pl.Series([None, "short row", None])]
    found = added_columns(columns, meanings=meanings, tally=tally).struct.unnest()
    error = "write ',' instead of ';'; did you mean 'a,b'?"
    expected = {
        "canonical_2": ["*", None, None],
        "mask_2": [63, 0, 0],
        "unknown_2": [None] * 3,
        "error_2": [None, "short row", error],
    }
    assert found.to_dict(as_series=False) == {
        name: values for name, values in expected.items() if mask or name != "mask_2"
    }
    assert tally.summary().startswith("3 rows, 3 distinct filters, 2 invalid rows")


def test_long_or_endlessly_different_filters_do_not_fill_memory(monkeypatch):
    monkeypatch.setattr(_meanings, "_CACHE_SIZE", 10)
    meanings = Meanings("f", navixy.CATEGORIES)
    for i in range(100):
        texts = [f"a{i}", "b" * 256, "c" * 257]
        assert meanings.columns(texts)[0] == texts
        assert [text in meanings._cache for text in texts] == [True, True, False]
        assert len(meanings._cache) <= 10


def test_a_batch_must_hold_strings():
    with pytest.raises(TypeError, match=r"^column 'f' must hold strings, not Int64$"):
        _polars.encode(pl.Series("f", [None, 1]))


def test_spark_functions_apply_filters():
    filters = pd.Series(["-chat_message", None, "old"])
    categories = pd.Series(["chat_message", "chat_message", None])
    assert spark._allows(filters, categories).tolist() == [False, True, False]
    meanings = Meanings("category_filter", navixy.CATEGORIES)
    assert spark._meaning(meanings, "canonical")(filters).tolist() == ["-chat_message", "*", "old"]
