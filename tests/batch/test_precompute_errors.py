"""Invalid files and columns for `category-filter precompute`: one line says what to do."""

import gzip
import json
import os
import subprocess
from datetime import timedelta

import polars as pl
import pytest
from precompute import COMMAND, failure, file_names, run, run_process

CSV = "device,category_filter\nphone,-chat_message\n"


class TestColumns:
    @pytest.mark.parametrize(
        ("header", "reason"),
        [
            (
                "device,wanted",
                (
                    "no column 'category_filter': pass --filter-column with one of 'device',"
                    " 'wanted'"
                ),
            ),
            ("device", "no column 'category_filter': pass --filter-column with one of 'device'"),
            ("a;wanted", "no column 'category_filter', only 'a;wanted': pass --separator ';'"),
            ("a|wanted", "no column 'category_filter', only 'a|wanted': pass --separator '|'"),
            ("a\twanted", "no column 'category_filter', only 'a\\twanted': pass --from tsv"),
        ],
    )
    def test_a_missing_column_names_the_option_to_pass(self, tmp_path, header, reason):
        (tmp_path / "in.csv").write_text(f"{header}\n")
        line = failure(tmp_path, "in.csv", "out.parquet")
        assert line == f"category-filter: in.csv: {reason}"

    def test_a_wrong_separator_is_an_error_that_names_the_right_one(self, tmp_path):
        (tmp_path / "in.csv").write_text(CSV)
        assert failure(tmp_path, "in.csv", "out.parquet", "--separator", ";") == (
            "category-filter: in.csv: no column 'category_filter', only 'device,category_filter':"
            " pass --separator ','"
        )


@pytest.mark.parametrize("option", [[], ["out.parquet", "--rejects"]])
def test_a_link_to_itself_is_an_error(tmp_path, option):
    (tmp_path / "in.csv").write_text(CSV)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    line = failure(tmp_path, "in.csv", *option, "loop.csv", run=run_process)
    assert line == "category-filter: loop.csv: Too many levels of symbolic links"


BLANK = b"\n" + CSV.encode()
BLANK_MESSAGE = "1: the first line is blank: it must name the columns"


class TestHeaders:
    def test_quotes_in_a_name_are_doubled(self, tmp_path):
        (tmp_path / "in.csv").write_text('"a ""b""","wanted"\n1,ads\n')
        assert (
            run(tmp_path / "in.csv", tmp_path / "out.ndjson", "--filter-column", "wanted")[0] == 0
        )
        row = json.loads((tmp_path / "out.ndjson").read_text())
        assert list(row)[:2] == ['a "b"', "wanted"]
        (tmp_path / "in.csv").write_text('"a"b"c",wanted\n1,ads\n')
        line = failure(tmp_path, "in.csv", "out.parquet")
        assert line.startswith("category-filter: in.csv:1: invalid quotes: quote the whole field")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("in.csv", BLANK),
            ("in.csv", BLANK.replace(b"\n", b"\r\n")),
            ("in.csv", b"\xef\xbb\xbf" + BLANK),
            ("in.csv", b" \t" + BLANK),
            ("in.csv", b"\n"),
            ("in.tsv", BLANK),
            ("in.csv.gz", gzip.compress(BLANK, mtime=0)),
        ],
        ids=["", "Windows", "BOM", "whitespace", "alone", "TSV", "gzip"],
    )
    def test_a_blank_first_line_is_an_error(self, tmp_path, name, content):
        (tmp_path / name).write_bytes(content)
        code, _, line = run(tmp_path / name, tmp_path / "out.parquet")
        assert (code, line) == (2, f"category-filter: {tmp_path / name}:{BLANK_MESSAGE}\n")

    def test_a_blank_first_line_of_standard_input_is_an_error(self, tmp_path):
        command = [*COMMAND, "--from", "csv", "-", tmp_path / "out.parquet"]
        result = subprocess.run(command, input=BLANK, capture_output=True, check=False)
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.decode() == f"category-filter: <stdin>:{BLANK_MESSAGE}\n"

    @pytest.mark.parametrize(
        ("header", "names"),
        [
            ("category_filter,category_filter", "'category_filter'"),
            ('a,category_filter,"a",b,b', "'a', 'b'"),
            ("category_filter,,", "''"),
            ('category_filter,,""', "''"),
            ("1,category_filter,01,1", "'1'"),
        ],
    )
    def test_duplicate_column_names_are_an_error(self, tmp_path, header, names):
        path = tmp_path / "in.csv"
        path.write_text(f"{header}\n*\n")
        code, _, line = run(path, tmp_path / "out.parquet")
        assert (code, line) == (2, f"category-filter: {path}:1: duplicate column names: {names}\n")


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("in.csv", b""),
            ("in.csv.gz", gzip.compress(b"", mtime=0)),
            ("in.ndjson", b""),
            ("in.ndjson", b"\xef\xbb\xbf"),
            ("in.ndjson.gz", gzip.compress(b"", mtime=0)),
        ],
    )
    def test_an_empty_file_is_an_error(self, tmp_path, name, content):
        (tmp_path / name).write_bytes(content)
        line = failure(tmp_path, name, "out.parquet")
        assert line == f"category-filter: {name}: the file is empty"

    @pytest.mark.parametrize("content", [b"", b"PAR", CSV.encode()])
    def test_another_file_with_the_parquet_extension_is_an_error(self, tmp_path, content):
        (tmp_path / "in.parquet").write_bytes(content)
        line = failure(tmp_path, "in.parquet", "out.parquet")
        assert line == "category-filter: in.parquet: not a Parquet file"

    def test_a_folder_without_parquet_files_is_an_error(self, tmp_path):
        folder = tmp_path / "in" / "part"
        folder.mkdir(parents=True)
        (folder / "_SUCCESS").touch()
        (tmp_path / "in" / ".cache").mkdir()
        (tmp_path / "in" / ".cache" / "1.parquet").touch()
        line = failure(tmp_path, "in", "out.parquet")
        assert line == "category-filter: in: no files in the folder"
        (folder / "1.csv").write_text(CSV)
        line = failure(tmp_path, "in", "out.parquet")
        assert line == "category-filter: in/part/1.csv: not a Parquet file"

    @pytest.mark.parametrize(
        ("columns", "reason"),
        [
            ({"x": ["a"]}, "column 'x' is String, but Int64 in 1.parquet"),
            ({"x": [None]}, "column 'x' is Null, but Int64 in 1.parquet"),
            ({}, "column 'x' is missing, but Int64 in 1.parquet"),
            ({"x": [1], "y": [1.5]}, "column 'y' is Float64, but missing in 1.parquet"),
        ],
    )
    def test_files_of_a_folder_with_different_columns_are_an_error(self, tmp_path, columns, reason):
        (tmp_path / "in" / "part").mkdir(parents=True)
        for name, others in (("1", {"x": [1]}), ("part/2", {"x": [1]}), ("part/3", columns)):
            frame = pl.DataFrame({"category_filter": ["a"], **others})
            frame.write_parquet(tmp_path / "in" / f"{name}.parquet")
        assert failure(tmp_path, "in", "out.parquet") == (
            f"category-filter: in/part/3.parquet: {reason}:"
            " the files of a folder must have the same columns"
        )

    @pytest.mark.parametrize(
        ("target", "value", "reason"),
        [
            (
                "out.csv",
                timedelta(1),
                "of type Duration(time_unit='us'): write .parquet or .ndjson",
            ),
            ("out.tsv.gz", [1], "of type List(Int64): write .parquet or .ndjson"),
            ("out.csv", {"a": [b"1"]}, "of type Struct({'a': List(Binary)}): write .parquet"),
            ("out.csv", b"1", "of type Binary: write .parquet"),
            ("out.ndjson", b"1", "of type Binary: write .parquet"),
            ("out.jsonl", [[b"1"]], "of type List(List(Binary)): write .parquet"),
            ("out.ndjson.zst", {"a": b"1"}, "of type Struct({'a': Binary}): write .parquet"),
        ],
    )
    @pytest.mark.parametrize("option", [[], ["out.parquet", "--rejects"]])
    def test_a_column_that_the_format_cannot_hold_is_an_error(
        self, tmp_path, target, value, reason, option
    ):
        frame = pl.DataFrame({"category_filter": ["a"], "x": [value]})
        frame.write_parquet(tmp_path / "in.parquet")
        kind = "NDJSON" if "json" in target else "CSV"
        assert failure(tmp_path, "in.parquet", *option, target) == (
            f"category-filter: {target}: {kind} cannot hold column 'x' {reason}"
        )

    @pytest.mark.parametrize(
        ("before", "value", "dtypes"),
        [
            (True, 1, ("Int64", "Boolean")),
            (1.5, False, ("Boolean", "Float64")),
            ([True], [1], ("List(Int64)", "List(Boolean)")),
            ({"a": 1}, [1], ("List(Int64)", "Struct({'a': Int64})")),
        ],
    )
    def test_json_values_without_a_common_type_are_an_error(self, tmp_path, before, value, dtypes):
        rows = [{"n": 1, "x": before}, {"n": 1.5, "x": None}, {"n": 2, "x": value, "new": 1}]
        lines = [json.dumps({"category_filter": "a", **row}) for row in rows]
        (tmp_path / "in.ndjson").write_text("\n".join(lines))
        assert failure(tmp_path, "in.ndjson", "out.parquet") == (
            f"category-filter: in.ndjson:3: column 'x' is {dtypes[0]}, but {dtypes[1]}"
            " in the rows before"
        )

    def test_a_read_only_folder_is_an_error(self, tmp_path):
        (tmp_path / "in.csv").write_text(CSV)
        (tmp_path / "locked").mkdir(mode=0o555)
        capability = "-dac_override"  # lets root write everywhere
        bounded = ["setpriv", f"--bounding-set={capability}", f"--inh-caps={capability}"]
        result = subprocess.run(
            [*(bounded if os.geteuid() == 0 else []), *COMMAND, "in.csv", "locked/out.csv"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert (result.returncode, result.stdout, result.stderr) == (
            *(2, ""),
            f"category-filter: {tmp_path}/locked: Permission denied\n",
        )
        assert file_names(tmp_path / "locked") == []


def test_windows_line_ends_are_read(tmp_path):
    (tmp_path / "in.csv").write_bytes(CSV.replace("\n", "\r\n").encode())
    assert run(tmp_path / "in.csv", tmp_path / "out.csv")[0] == 0
    assert (tmp_path / "out.csv").read_bytes() == (
        b"device,category_filter,canonical,mask,unknown,error\nphone,-chat_message,-chat_message,62,,\n"
    )
