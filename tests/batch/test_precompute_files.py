"""`category-filter precompute`: the files that it reads and writes."""

import gzip
import json
import os
import stat
import subprocess
import threading
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from backports import zstd
from precompute import COMMAND, failure, file_names, run, run_process

from category_filter import navixy
from category_filter.batch import precompute
from category_filter.cli import _lines

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


NOT_UTF8 = "the line is not UTF-8: save the file as UTF-8"

SEPARATOR = (
    "expected one ASCII character for --separator, other than letters, digits and quotes, got"
)


class TestRejects:
    def test_columns_of_every_type_are_kept(self, tmp_path):
        TYPES.write_parquet(tmp_path / "in.parquet")
        out, rejects = tmp_path / "out.parquet", tmp_path / "rejects.parquet"
        assert run(tmp_path / "in.parquet", out, "--rejects", rejects)[0] == 0
        expected = precompute(TYPES, navixy.CATEGORIES)
        assert pl.read_parquet(out).equals(expected)
        assert pl.read_parquet(rejects).equals(expected[:1])
        assert pl.read_parquet(rejects).schema == expected.schema

    @pytest.mark.parametrize("target", ["out.parquet", "out.csv", "out.ndjson"])
    @pytest.mark.parametrize("rejects", ["rejects.parquet", "rejects.csv", "rejects.ndjson"])
    def test_output_and_rejects_may_have_different_formats(self, tmp_path, target, rejects):
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


class TestFileNames:
    NAMES = ["a[1]", "a*", "a?", "{a,b}", "a[!x]", "~", "%61", "[", "a b", "\u00e9"]

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("extension", ["parquet", "csv", "ndjson"])
    def test_wildcard_characters_are_literal(self, tmp_path, monkeypatch, name, extension):
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
        line = failure(tmp_path, f"a[1].{extension}", "out.parquet", run=run_process)
        assert line == f"category-filter: a[1].{extension}: No such file or directory"


class TestBlankAndShortLines:
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_blank_and_short_lines_are_invalid_rows(self, tmp_path, end):
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
                "pass --rejects FILE to copy the invalid rows to a separate file\n"
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

    def test_blank_lines_in_a_file_with_one_column_are_invalid_rows(self, tmp_path):
        (tmp_path / "in.csv").write_text("category_filter\n*\n\na\n\n")
        arguments = ["--rejects", tmp_path / "rejects.ndjson", "--no-mask", "--strict"]
        assert run(tmp_path / "in.csv", tmp_path / "out.csv", *arguments)[0] == 1
        assert read(tmp_path / "out.csv") == (
            "category_filter,canonical,unknown,error\n*,*,,\n,,,blank line\na,a,a,\n,,,blank line\n"
        )
        row = {"category_filter": None, "canonical": None, "unknown": None, "error": "blank line"}
        lines = read(tmp_path / "rejects.ndjson").splitlines()
        assert [json.loads(line) for line in lines] == [row] * 2

    def test_the_suffix_is_added_to_new_columns_only(self, tmp_path):
        (tmp_path / "in.csv").write_text("category_filter,error\n*\n*,mine\n")
        assert run(tmp_path / "in.csv", tmp_path / "out.csv", "--suffix", "_now")[0] == 0
        assert read(tmp_path / "out.csv") == (
            "category_filter,error,canonical_now,mask_now,unknown_now,error_now\n"
            "*,,,0,,short row: 1 of 2 fields\n"
            "*,mine,*,63,,\n"
        )


class TestTextFormats:
    @pytest.mark.parametrize("compression", ["", ".gz", ".zst"])
    @pytest.mark.parametrize(
        ("extension", "content", "expected"),
        [
            (".csv", CSV, OUT),
            (".tsv", CSV.replace(",", "\t"), None),
            (".ndjson", NDJSON, NDJSON_OUT),
            (".JSONL", NDJSON, NDJSON_OUT),
        ],
    )
    def test_text_may_be_compressed(self, tmp_path, extension, content, expected, compression):
        compress = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress}[compression]
        source, target = (tmp_path / f"{name}{extension}{compression}" for name in ("in", "out"))
        source.write_bytes(compress(b"\xef\xbb\xbf" + content.encode()))
        assert run(source, target)[0] == 0
        if expected is None:
            expected = OUT.replace(f'"{ERROR}"', ERROR).replace(",", "\t")
            expected = expected.replace(ERROR.replace(",", "\t"), ERROR)
        assert read(target) == expected

    def test_the_separator_applies_to_csv_files_only(self, tmp_path):
        (tmp_path / "in.csv").write_text("id;category_filter\n1;history_rule,chat_message\n2;\n")
        arguments = ["--separator", ";", "--no-mask", "--rejects", tmp_path / "rejects.tsv"]
        assert run(tmp_path / "in.csv", tmp_path / "out.csv", *arguments)[0] == 0
        assert read(tmp_path / "out.csv") == (
            "id;category_filter;canonical;unknown;error\n"
            "1;history_rule,chat_message;chat_message,history_rule;;\n"
            "2;;*;;\n"
        )
        header = "id\tcategory_filter\tcanonical\tunknown\terror\n"
        assert read(tmp_path / "rejects.tsv") == header

    def test_csv_values_do_not_change(self, tmp_path):
        rows = 'n,category_filter\n007,*\n" x ","*"\n"two\r\nlines, ""quoted""",*\n1e5,*'
        (tmp_path / "in.csv").write_bytes(rows.encode())
        assert run(tmp_path / "in.csv", tmp_path / "out.ndjson")[0] == 0
        values = [json.loads(line)["n"] for line in read(tmp_path / "out.ndjson").splitlines()]
        assert values == ["007", " x ", 'two\r\nlines, "quoted"', "1e5"]

    def test_records_may_span_blocks(self, tmp_path, monkeypatch):
        monkeypatch.setattr(_lines, "_BLOCK_BYTES", 20)
        rows = "".join(f'"{n}\n{n}",*\n\n' for n in range(50))
        (tmp_path / "in.csv").write_text(f"n,category_filter\n{rows}")
        assert run(tmp_path / "in.csv", tmp_path / "out.ndjson")[0] == 0
        found = [json.loads(line) for line in read(tmp_path / "out.ndjson").splitlines()]
        assert [(row["n"], row["error"]) for row in found] == [
            pair for n in range(50) for pair in ((f"{n}\n{n}", None), (None, "blank line"))
        ]

    def test_a_file_with_only_a_header_has_no_rows(self, tmp_path):
        (tmp_path / "in.csv").write_text("id,category_filter")
        assert run(tmp_path / "in.csv", tmp_path / "out.csv")[0] == 0
        assert read(tmp_path / "out.csv") == OUT.partition("\n")[0] + "\n"

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["--separator", ";;"], f"{SEPARATOR} ';;'"),
            (
                ["--separator", "\\t"],
                f"{SEPARATOR} '\\\\t': for tabs, pass --from tsv or --to tsv",
            ),
            (["--separator", "0"], f"{SEPARATOR} '0'"),
            (["--separator", '"'], f"{SEPARATOR} '\"'"),
            (
                ["--from", "parquet.gz"],
                (
                    "--from parquet.gz: unknown format: use .parquet, .csv, .tsv, .ndjson, .jsonl"
                    " (text formats also with .gz or .zst)"
                ),
            ),
        ],
    )
    def test_an_invalid_separator_or_format_is_an_error(self, tmp_path, arguments, line):
        (tmp_path / "in.csv").write_text(CSV)
        assert failure(tmp_path, "in.csv", "out.parquet", *arguments) == f"category-filter: {line}"


class TestFolders:
    def test_a_folder_that_spark_wrote_is_read(self, tmp_path):
        part = tmp_path / "in.parquet" / "day=1"
        part.mkdir(parents=True)
        for name in ("part-0", "part-1"):
            pl.DataFrame({"category_filter": [name]}).write_parquet(part / f"{name}.parquet")
            (part / f".{name}.parquet.crc").write_bytes(b"crc")
        (tmp_path / "in.parquet" / "_SUCCESS").touch()
        assert run(tmp_path / "in.parquet", tmp_path / "out.parquet")[0] == 0
        found = pl.read_parquet(tmp_path / "out.parquet")
        assert found["canonical"].to_list() == ["part-0", "part-1"]
        assert found["day"].to_list() == [1, 1]

    @pytest.mark.parametrize("hidden", ["_temporary/0", ".ipynb_checkpoints", "day=1/_temporary"])
    def test_hidden_folders_are_skipped(self, tmp_path, hidden):
        folder = tmp_path / "in=1"
        for part, text in (("day=1", "visible"), (hidden, "hidden")):
            (folder / part).mkdir(parents=True)
            pl.DataFrame({"category_filter": [text]}).write_parquet(folder / part / "part.parquet")
        assert run(folder, tmp_path / "out.parquet")[0] == 0
        found = pl.read_parquet(tmp_path / "out.parquet")
        assert found.select("category_filter", "day").rows() == [("visible", 1)]
        assert "in" not in found.columns

    def test_an_output_folder_is_an_error(self, tmp_path):
        (tmp_path / "in.csv").write_text(CSV)
        (tmp_path / "out.csv").mkdir()
        line = failure(tmp_path, "in.csv", "out.csv", "--to", "csv", run=run_process)
        assert line == "category-filter: out.csv: Is a directory"


class TestStreams:
    def test_dashes_stand_for_standard_input_and_output(self):
        result = subprocess.run(
            [*COMMAND, "-", "-", "--from", "csv", "--to", "ndjson"],
            input=CSV.encode(),
            capture_output=True,
            check=True,
        )
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        assert [row["error"] for row in rows] == [None, None, ERROR]
        assert result.stderr.startswith(b"3 rows, 3 distinct filters, 1 invalid row\n")

    def test_parquet_can_be_piped(self, tmp_path):
        TYPES.write_parquet(tmp_path / "in.parquet")
        line = " ".join([*COMMAND, "- - --from parquet --to parquet"])
        subprocess.run(
            f"cat in.parquet | {line} | cat > out.parquet", shell=True, check=True, cwd=tmp_path
        )
        found = pl.read_parquet(tmp_path / "out.parquet")
        assert found.equals(precompute(TYPES, navixy.CATEGORIES))

    def test_named_pipes_are_read_and_written(self, tmp_path):
        for name in ("in.csv.gz", "out.csv"):
            os.mkfifo(tmp_path / name)
        writer = threading.Thread(
            target=lambda: (tmp_path / "in.csv.gz").write_bytes(gzip.compress(CSV.encode()))
        )
        writer.start()
        process = subprocess.Popen([*COMMAND, "in.csv.gz", "out.csv"], cwd=tmp_path)
        assert (tmp_path / "out.csv").read_text() == OUT
        assert process.wait() == 0
        writer.join()
        assert stat.S_ISFIFO((tmp_path / "out.csv").stat().st_mode)

    def test_a_closed_pipe_ends_the_command_silently(self, tmp_path):
        many = pl.DataFrame({"category_filter": ["a;b"] * 1_000_000})
        many.write_parquet(tmp_path / "in.parquet")
        line = " ".join([*COMMAND, "in.parquet - --to csv --rejects rejects.csv"])
        result = subprocess.run(
            f"{line} | head -n 1", shell=True, capture_output=True, check=True, cwd=tmp_path
        )
        assert result.stdout == b"category_filter,canonical,mask,unknown,error\n"
        assert result.stderr == b""
        assert file_names(tmp_path) == ["in.parquet"]

    def test_a_stream_needs_a_format(self, tmp_path):
        assert failure(tmp_path, "-", "out.parquet") == (
            "category-filter: -: unknown format: use .parquet, .csv, .tsv, .ndjson, .jsonl"
            " (text formats also with .gz or .zst); or pass --from FORMAT"
        )


class TestReplacedFiles:
    @pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
    def test_a_replaced_file_keeps_its_mode(self, tmp_path, mode):
        (tmp_path / "in.csv").write_text(CSV)
        out = tmp_path / "out.csv"
        out.touch()
        out.chmod(mode)
        assert run(tmp_path / "in.csv", out)[0] == 0
        assert read(out) == OUT
        assert stat.S_IMODE(out.stat().st_mode) == mode

    @pytest.mark.parametrize("exists", [True, False])
    def test_a_symbolic_link_keeps_its_target(self, tmp_path, exists):
        (tmp_path / "in.csv").write_text(CSV)
        (tmp_path / "data").mkdir()
        target, link = tmp_path / "data" / "real.csv", tmp_path / "out.csv"
        if exists:
            target.touch()
        link.symlink_to(Path("data", "real.csv"))
        assert run(tmp_path / "in.csv", link, "--rejects", tmp_path / "rejects.csv")[0] == 0
        assert link.readlink() == Path("data", "real.csv")
        assert read(target) == OUT
        assert file_names(tmp_path / "data") == ["real.csv"]


class TestBrokenRows:
    @pytest.mark.parametrize(
        ("name", "content", "line"),
        [
            (
                "in.csv",
                b'id,category_filter\n1,"a\nb"\n\n2,a,b\n',
                "5: more than 2 fields: quote a list that contains commas",
            ),
            ("in.tsv", b"id\tcategory_filter\n1\t*\t\t\n", "2: more than 2 fields"),
            ("in.csv", b'id,category_filter\n1,*\n2,"a\n3,b\n', "3: a quote is never closed"),
            ("in.csv", b'"id,category_filter\n1,*\n', "1: a quote is never closed"),
            (
                "in.csv",
                b'id,category_filter\n1,*\n2,5" disk\n3,6" disk\n4,*\n',
                "3: invalid quotes: quote the whole field, and double the quotes inside it",
            ),
            (
                "in.csv",
                b'id,category_filter\n1,*\n2,"a"b\n',
                "3: invalid quotes: quote the whole field, and double the quotes inside it",
            ),
            (
                "in.csv",
                b"id,category_filter\n1,*\n2,\xe9\n",
                f"3: {NOT_UTF8}",
            ),
            (
                "in.csv",
                "id,category_filter\n1,*\n".encode("utf-16"),
                f"1: {NOT_UTF8}",
            ),
            (
                "in.ndjson",
                b'{"category_filter":"*"}\n\n{"category_filter"\n{}\n',
                "3: not a JSON object",
            ),
            (
                "in.ndjson",
                b'{"category_filter":"*"}\n[1]\n',
                "2: not a JSON object",
            ),
            ("in.ndjson", b'\xef\xbb\xbf{"a":1}\nx', "2: not a JSON object"),
            ("in.ndjson", b"[1]\n", "1: not a JSON object"),
            ("in.ndjson", b"\n", "1: not a JSON object"),
            (
                "in.ndjson",
                b'{"category_filter":"*"}\n{"a":"\xe9"}\n',
                f"2: {NOT_UTF8}",
            ),
        ],
    )
    def test_the_error_names_the_line(self, tmp_path, name, content, line):
        (tmp_path / name).write_bytes(content)
        assert failure(tmp_path, name, "out.parquet") == f"category-filter: {name}:{line}"

    def test_lines_are_counted_across_blocks(self, tmp_path, monkeypatch):
        monkeypatch.setattr(_lines, "_BLOCK_BYTES", 20)
        lines = ["id,category_filter", *("1,*" for _ in range(98)), "1,a,b", "2,*"]
        (tmp_path / "in.csv").write_text("\n".join(lines))
        assert run(tmp_path / "in.csv", tmp_path / "out.csv") == (
            *(2, ""),
            (
                f"category-filter: {tmp_path / 'in.csv'}:100: more than 2 fields: quote a list that"
                " contains commas\n"
            ),
        )
        rows = ['{"category_filter":"*"}'] * 98 + ["{", "{}"]
        (tmp_path / "in.ndjson").write_text("\n".join(rows))
        assert run(tmp_path / "in.ndjson", tmp_path / "out.csv")[2] == (
            f"category-filter: {tmp_path / 'in.ndjson'}:99: not a JSON object\n"
        )

    @pytest.mark.parametrize("extension", ["csv.gz", "ndjson.gz"])
    @pytest.mark.parametrize("length", [4, 30, -10])
    @pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
    def test_truncated_compressed_data_is_an_error(self, tmp_path, compress, length, extension):
        numbers = range(100_000)  # more than one block of Zstandard
        lines = (f'{{"category_filter":"*","number":{number}}}' for number in numbers)
        content = compress("\n".join(lines).encode())
        (tmp_path / f"in.{extension}").write_bytes(content[:length])
        assert failure(tmp_path, f"in.{extension}", "out.parquet").startswith(
            f"category-filter: in.{extension}: Compressed file ended before the end-of-stream"
        )

    @pytest.mark.parametrize("extension", ["csv", "ndjson"])
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"\x1f\x8b no gzip", "Unknown compression method"),
            (gzip.compress(b"{}")[:-8] + bytes(8), "CRC check failed 0x"),
            (gzip.compress(b"{}")[:10] + b"\xff" * 8, "Error -3 while decompressing data: "),
            (b"\x28\xb5\x2f\xfd{not Zstandard}", "Unable to decompress Zstandard data: "),
        ],
        ids=["header", "checksum", "data", "Zstandard"],
    )
    def test_corrupt_compressed_data_is_an_error(self, tmp_path, content, message, extension):
        (tmp_path / f"in.{extension}").write_bytes(content)
        assert failure(tmp_path, f"in.{extension}", "out.parquet").startswith(
            f"category-filter: in.{extension}: {message}"
        )

    def test_compressed_data_is_recognized_after_a_byte_order_mark(self, tmp_path):
        (tmp_path / "in.ndjson").write_bytes(b"\xef\xbb\xbf\x28\xb5\x2f\xfd{")
        assert failure(tmp_path, "in.ndjson", "out.parquet").startswith(
            "category-filter: in.ndjson: Compressed file ended before the end-of-stream marker"
        )

    def test_a_panic_of_the_engine_is_reported_in_one_line(self, tmp_path):
        table = pl.DataFrame({"category_filter": ["a"] * 100})
        table.write_parquet(tmp_path / "in.parquet")
        content = (tmp_path / "in.parquet").read_bytes()
        before, count, after = content.rpartition(b"\xc8\x01")  # how Thrift writes 100
        assert count
        (tmp_path / "in.parquet").write_bytes(before + b"\xc8\x02" + after)
        line = failure(tmp_path, "in.parquet", "out.parquet")
        assert line.startswith("category-filter: in.parquet: internal error of Polars: ")
        assert file_names(tmp_path) == ["in.parquet", "out.parquet"]
