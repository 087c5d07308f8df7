"""`category-filter precompute`: the files that it reads and writes."""

import gzip
import json
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from backports import zstd
from precompute import failure, run

from category_filter import navixy
from category_filter.batch import precompute

CSV = "id,category_filter\n1,-chat_message\n2,*\n3,a;b\n"
ERROR = "write ',' instead of ';'; did you mean 'a,b'?"
OUT = f"""\
id,category_filter,canonical,mask,unknown,error
1,-chat_message,-chat_message,62,,
2,*,*,63,,
3,a;b,,0,,"{ERROR}"
"""
NDJSON = '{"category_filter":"*"}\n{"category_filter":null}\n'
NDJSON_OUT = (
    '{"category_filter":"*","canonical":"*","mask":63,"unknown":null,"error":null}\n'
    '{"category_filter":null,"canonical":"*","mask":63,"unknown":null,"error":null}\n'
)

TYPES = pl.DataFrame(
    {
        "category_filter": ["a;b", "*", None],
        "i8": pl.Series([1, None, -128], dtype=pl.Int8),
        "u16": pl.Series([65_535, None, 0], dtype=pl.UInt16),
        "f32": pl.Series([0.1, None, -1], dtype=pl.Float32),
        "decimal": pl.Series([Decimal("1.50"), None, Decimal(0)], dtype=pl.Decimal(9, 2)),
        "time": [time(1, 2, 3, 4), None, time(0)],
        "date": [date(2020, 2, 29), None, date(1, 1, 1)],
        "duration": [timedelta(seconds=1), None, timedelta(0)],
        "binary": [b"\xff", None, b""],
        "list": [[1, 2], None, []],
        "struct": [{"a": 1, "b": None}, None, {"a": None, "b": "x"}],
        "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["x", "y"])),
        "category": pl.Series(["x", None, "y"], dtype=pl.Categorical),
        "boolean": [True, None, False],
    }
)
FLAT = TYPES.drop("binary", "duration", "list", "struct")
"""The columns that CSV and NDJSON files can hold."""


def read(path):
    """Return the content of a text file, decompressed."""
    with {".gz": gzip.open, ".zst": zstd.open}.get(path.suffix, open)(
        path, "rt", newline=""
    ) as file:
        return file.read()


class TestRejects:
    def test_every_type_is_kept(self, tmp_path):
        TYPES.write_parquet(tmp_path / "in.parquet")
        out, rejects = tmp_path / "out.parquet", tmp_path / "rejects.parquet"
        assert run(tmp_path / "in.parquet", out, "--rejects", rejects)[0] == 0
        expected = precompute(TYPES, navixy.CATEGORIES)
        assert pl.read_parquet(out).equals(expected)
        assert pl.read_parquet(rejects).equals(expected[:1])
        assert pl.read_parquet(rejects).schema == expected.schema

    @pytest.mark.parametrize("target", ["out.parquet", "out.csv", "out.ndjson"])
    @pytest.mark.parametrize("rejects", ["rejects.parquet", "rejects.csv", "rejects.ndjson"])
    def test_the_formats_do_not_depend_on_each_other(self, tmp_path, target, rejects):
        FLAT.write_parquet(tmp_path / "in.parquet")
        arguments = ["--rejects", tmp_path / rejects]
        assert run(tmp_path / "in.parquet", tmp_path / target, *arguments)[0] == 0
        expected = precompute(FLAT, navixy.CATEGORIES)
        for name, rows in ((target, expected), (rejects, expected[:1])):
            extension = name.partition(".")[2]
            getattr(rows, f"write_{extension}")(tmp_path / f"expected.{extension}")
            if extension == "parquet":
                assert pl.read_parquet(tmp_path / name).equals(rows)
            else:
                assert read(tmp_path / name) == read(tmp_path / f"expected.{extension}")

    def test_many_invalid_rows_keep_their_order(self, tmp_path):
        many = pl.DataFrame({"category_filter": ["a;b", "*"] * 200_000}).with_row_index("row")
        many.write_parquet(tmp_path / "in.parquet")
        out, rejects = tmp_path / "out.csv.gz", tmp_path / "rejects.parquet"
        _, _, summary = run(tmp_path / "in.parquet", out, "--rejects", rejects)
        assert summary.startswith("400,000 rows, 2 distinct filters, 200,000 invalid rows")
        assert pl.read_parquet(rejects)["row"].to_list() == [*range(0, 400_000, 2)]
        assert pl.read_csv(out)["row"].to_list() == [*range(400_000)]


class TestLiteralNames:
    NAMES = ["a[1]", "a*", "a?", "{a,b}", "a[!x]", "~", "%61", "[", "a b", "\u00e9"]

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("extension", ["parquet", "csv", "ndjson"])
    def test_characters_with_a_meaning_in_patterns(self, tmp_path, monkeypatch, name, extension):
        monkeypatch.chdir(tmp_path)
        for decoy in ("a1", "ab", "ax", "a", "b"):
            decoys = pl.DataFrame({"category_filter": ["decoy"]})
            getattr(decoys, f"write_{extension}")(f"{decoy}.{extension}")
        table = pl.DataFrame({"category_filter": ["right"]})
        with Path(f"{name}.{extension}").open("wb") as file:
            getattr(table, f"write_{extension}")(file)
        assert run(f"{name}.{extension}", f"{name}.out.parquet")[0] == 0
        with Path(f"{name}.out.parquet").open("rb") as file:
            assert pl.read_parquet(file)["canonical"].to_list() == ["right"]

    @pytest.mark.parametrize("extension", ["parquet", "csv", "ndjson"])
    def test_a_pattern_is_not_expanded(self, tmp_path, extension):
        getattr(TYPES.select("category_filter"), f"write_{extension}")(tmp_path / f"a1.{extension}")
        line = failure(tmp_path, f"a[1].{extension}", "out.parquet")
        assert line == f"category-filter: a[1].{extension}: No such file or directory"


class TestBlankAndShortLines:
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_they_are_invalid_rows(self, tmp_path, end):
        lines = ["id,category_filter,note", "1,*,x", "", "2", "3,chat_message", "4,*,", ",,", '""']
        (tmp_path / "in.csv").write_bytes("".join(line + end for line in lines).encode())
        code, _, summary = run(tmp_path / "in.csv", tmp_path / "out.csv")
        assert (code, summary) == (
            0,
            (
                "7 rows, 2 distinct filters, 4 invalid rows\n"
                "        2 short row: 1 of 3 fields\n"
                "        1 blank line\n"
                "        1 short row: 2 of 3 fields\n"
            ),
        )
        assert read(tmp_path / "out.csv") == (
            "id,category_filter,note,canonical,mask,unknown,error\n"
            "1,*,x,*,63,,\n"
            ",,,,0,,blank line\n"
            "2,,,,0,,short row: 1 of 3 fields\n"
            "3,chat_message,,,0,,short row: 2 of 3 fields\n"
            "4,*,,*,63,,\n"
            ",,,*,63,,\n"
            '"",,,,0,,short row: 1 of 3 fields\n'
        )

    def test_in_a_file_with_one_column(self, tmp_path):
        (tmp_path / "in.csv").write_text("category_filter\n*\n\na\n\n")
        arguments = ["--rejects", tmp_path / "rejects.ndjson", "--no-mask", "--strict"]
        assert run(tmp_path / "in.csv", tmp_path / "out.csv", *arguments)[0] == 1
        assert read(tmp_path / "out.csv") == (
            "category_filter,canonical,unknown,error\n*,*,,\n,,,blank line\na,a,a,\n,,,blank line\n"
        )
        row = {"category_filter": None, "canonical": None, "unknown": None, "error": "blank line"}
        lines = read(tmp_path / "rejects.ndjson").splitlines()
        assert [json.loads(line) for line in lines] == [row] * 2

    def test_a_suffix_belongs_to_the_new_columns_only(self, tmp_path):
        (tmp_path / "in.csv").write_text("category_filter,error\n*\n*,mine\n")
        assert run(tmp_path / "in.csv", tmp_path / "out.csv", "--suffix", "_now")[0] == 0
        assert read(tmp_path / "out.csv") == (
            "category_filter,error,canonical_now,mask_now,unknown_now,error_now\n"
            "*,,,0,,short row: 1 of 2 fields\n"
            "*,mine,*,63,,\n"
        )
