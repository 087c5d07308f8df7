"""`category-filter precompute`: the rows it writes, its summary, and what it leaves behind."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from precompute import COMMAND, failure, file_names, run, run_process

from category_filter import navixy
from category_filter.batch import precompute
from category_filter.cli import _tally
from category_filter.cli._tally import Tally

ROWS = pl.DataFrame(
    {
        "id": ["007", "8", "9", "10", "11"],
        "category_filter": ["-chat_message", None, "old,chat_message", "a;b", "a;b"],
        "note": [None, "", 'say "hi", twice', "two\nlines", "\u00e9"],
    }
)
EXPECTED = precompute(ROWS, navixy.CATEGORIES)
COPY_HINT = "pass --rejects FILE to copy the invalid rows to a separate file\n"
UNKNOWN_HINT = "see the unknown names in column unknown; pass --categories to set the known ones\n"
SUMMARY = """\
5 rows, 3 distinct filters, 2 invalid rows, 1 row with unknown names
        2 write ',' instead of ';'; did you mean 'a,b'?
"""
HINTS = COPY_HINT + UNKNOWN_HINT

WRITE = {
    ".parquet": pl.DataFrame.write_parquet,
    ".csv": pl.DataFrame.write_csv,
    ".ndjson": pl.DataFrame.write_ndjson,
    ".jsonl": pl.DataFrame.write_ndjson,
}
READ = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".ndjson": pl.read_ndjson,
    ".jsonl": pl.read_ndjson,
}


@pytest.fixture
def folder(tmp_path):
    ROWS.write_parquet(tmp_path / "in.parquet")
    return tmp_path


class TestFormats:
    @pytest.mark.parametrize("source", WRITE)
    @pytest.mark.parametrize("target", WRITE)
    def test_every_format_converts_to_every_other(self, tmp_path, source, target):
        WRITE[source](ROWS, tmp_path / f"in{source}")
        out = tmp_path / f"out{target}"
        assert run(tmp_path / f"in{source}", out) == (0, "", SUMMARY + HINTS)
        found = READ[target](out)
        if target == ".csv":
            assert found.rows() == EXPECTED.cast({"mask": pl.String}).rows()
        else:
            assert found.rows() == EXPECTED.rows()

    def test_an_empty_csv_field_is_null_unless_it_is_quoted(self, tmp_path):
        source = tmp_path / "in.csv"
        source.write_text('category_filter,n\n,1\n"",2\n', "utf-8")
        assert run(source, tmp_path / "out.csv")[0] == 0
        assert (tmp_path / "out.csv").read_text("utf-8") == (
            "category_filter,n,canonical,mask,unknown,error\n"
            ",1,*,63,,\n"
            '"",2,,0,,"the filter is empty: use \'*\' for every category,'
            " '-*' for none; did you mean '*'?\"\n"
        )

    def test_ndjson_columns_that_first_appear_late_are_kept(self, tmp_path):
        late = [{"category_filter": None, "note": None}] * 300
        late += [{"category_filter": "*", "note": "x", "new": 1}, {"category_filter": "a;b"}]
        source = tmp_path / "in.ndjson"
        source.write_text("".join(json.dumps(row) + "\n" for row in late), "utf-8")
        out, rejects = tmp_path / "out.ndjson", tmp_path / "rejects.ndjson"
        assert run(source, out, "--rejects", rejects)[0] == 0
        lines = out.read_text("utf-8").splitlines()
        assert len(lines) == 302
        assert json.loads(lines[300]) == {
            "category_filter": "*",
            "note": "x",
            "new": 1,
            "canonical": "*",
            "mask": 63,
            "unknown": None,
            "error": None,
        }
        assert [rejects.read_text("utf-8").strip()] == lines[301:]

    def test_a_file_without_rows_keeps_its_schema(self, tmp_path):
        ROWS.clear().write_parquet(tmp_path / "in.parquet")
        assert run(tmp_path / "in.parquet", tmp_path / "out.parquet") == (
            *(0, ""),
            "0 rows, 0 distinct filters, 0 invalid rows\n",
        )
        assert pl.read_parquet(tmp_path / "out.parquet").schema == EXPECTED.schema

    def test_many_rows_keep_their_order(self, tmp_path):
        many = pl.concat([ROWS] * 60_000).with_row_index("row")
        many.write_parquet(tmp_path / "in.parquet")
        code, _, summary = run(tmp_path / "in.parquet", tmp_path / "out.parquet")
        assert (code, summary.splitlines()[0]) == (
            *(0,),
            (
                "300,000 rows, 3 distinct filters, 120,000 invalid rows, 60,000 rows with unknown"
                " names"
            ),
        )
        found = pl.read_parquet(tmp_path / "out.parquet")
        assert found.equals(precompute(many, navixy.CATEGORIES))


class TestOptions:
    @pytest.mark.parametrize("extension", WRITE)
    def test_rejects_holds_every_invalid_row(self, folder, extension):
        rejects = folder / f"rejects{extension}"
        assert run(folder / "in.parquet", folder / "out.csv", "--rejects", rejects)[0] == 0
        assert READ[extension](rejects)["id"].to_list() == ["10", "11"]

    def test_hints_name_only_options_that_help(self, folder):
        out = folder / "out.csv"
        ROWS[:2].write_parquet(folder / "in.parquet")
        assert run(folder / "in.parquet", out)[2] == "2 rows, 1 distinct filter, 0 invalid rows\n"
        ROWS.write_parquet(folder / "in.parquet")
        rejects = ["--rejects", folder / "rejects.csv"]
        assert run(folder / "in.parquet", out, *rejects)[2] == SUMMARY + UNKNOWN_HINT
        known = ["--categories", "chat_message,old", "--suffix", "_now"]
        assert run(folder / "in.parquet", out, *known)[2] == (
            SUMMARY.replace(", 1 row with unknown names", "") + COPY_HINT
        )

    def test_invalid_rows_fail_only_with_strict(self, folder):
        assert run(folder / "in.parquet", folder / "out.csv") == (0, "", SUMMARY + HINTS)
        assert run(folder / "in.parquet", folder / "out.csv", "--strict") == (
            1,
            "",
            SUMMARY + HINTS,
        )
        ROWS[:3].write_parquet(folder / "valid.parquet")
        assert run(folder / "valid.parquet", folder / "out.csv", "--strict")[0] == 0

    def test_columns_mask_and_default_can_be_chosen(self, folder):
        renamed = ROWS.rename({"category_filter": "wanted", "note": "error"})
        renamed.write_parquet(folder / "in.parquet")
        known = ["--categories", "chat_message,news", "--filter-column", "wanted"]
        more = ["--suffix", "_now", "--no-mask", "--missing=-news"]
        assert run(folder / "in.parquet", folder / "out.ndjson", *known, *more)[0] == 0
        row = json.loads((folder / "out.ndjson").read_text("utf-8").splitlines()[1])
        assert row == {
            "id": "8",
            "wanted": None,
            "error": "",
            "canonical_now": "-news",
            "unknown_now": None,
            "error_now": None,
        }

    def test_an_invalid_default_is_wrong_usage(self, folder):
        code, out, err = run(folder / "in.parquet", folder / "out.csv", "--missing", "a;b")
        assert (code, out) == (2, "")
        words = "Invalid value for --missing: write ',' instead of ';'; did you mean 'a,b'?"
        assert words in " ".join(err.replace("\u2502", " ").split())
        assert file_names(folder) == ["in.parquet"]

    def test_the_source_can_be_replaced(self, folder):
        assert run(folder / "in.parquet", folder / "in.parquet")[0] == 0
        assert pl.read_parquet(folder / "in.parquet").equals(EXPECTED)
        assert file_names(folder) == ["in.parquet"]

    @pytest.mark.parametrize("rejects", ["in.csv", "./in.csv", "out.csv"])
    def test_rejects_must_be_a_third_file(self, tmp_path, monkeypatch, rejects):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "in.csv").write_text("category_filter\na;b\n")
        assert run("in.csv", "out.csv", "--rejects", rejects) == (
            2,
            "",
            f"category-filter: {Path(rejects)}: --rejects must differ from IN and OUT\n",
        )
        assert (tmp_path / "in.csv").read_text() == "category_filter\na;b\n"
        assert file_names(tmp_path) == ["in.csv"]


class TestFailures:
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (
                ["in.parquet", "out.parquet", "--filter-column", "wanted"],
                (
                    "category-filter: in.parquet: no column 'wanted': pass --filter-column with"
                    " one of 'id', 'category_filter', 'note'"
                ),
            ),
            (
                ["in.parquet", "out.xlsx"],
                (
                    "category-filter: out.xlsx: unknown format: use .parquet, .csv, .tsv, .ndjson,"
                    " .jsonl (text formats also with .gz or .zst); or pass --to FORMAT"
                ),
            ),
            (
                ["in.parquet", "out.parquet", "--from", "xml"],
                (
                    "category-filter: --from xml: unknown format: use .parquet, .csv, .tsv,"
                    " .ndjson, .jsonl (text formats also with .gz or .zst)"
                ),
            ),
            (
                ["in.parquet", "out.parquet", "--rejects", "rejects.txt"],
                (
                    "category-filter: rejects.txt: unknown format: use .parquet, .csv, .tsv,"
                    " .ndjson, .jsonl (text formats also with .gz or .zst)"
                ),
            ),
            (
                ["in.parquet", "out.parquet", "--categories", ",".join(f"c{n}" for n in range(64))],
                (
                    "category-filter: a mask holds at most 63 categories, not 64: leave it out"
                    " (mask=False, --no-mask)"
                ),
            ),
            (
                ["in.parquet", "no/such/folder/out.parquet"],
                "category-filter: no/such/folder/out.parquet: No such file or directory",
            ),
        ],
    )
    def test_wrong_usage_is_explained_in_one_line(self, folder, arguments, line):
        assert failure(folder, *arguments, run=run_process) == line

    def test_the_column_must_hold_strings(self, folder):
        pl.DataFrame({"category_filter": [1]}).write_parquet(folder / "in.parquet")
        line = "category-filter: column 'category_filter' must hold strings, not Int64"
        assert failure(folder, "in.parquet", "out.parquet") == line

    def test_an_existing_column_is_not_overwritten(self, folder):
        EXPECTED.write_parquet(folder / "in.parquet")
        line = (
            "category-filter: column 'canonical' already exists: choose a suffix"
            " (suffix=, --suffix)"
        )
        assert failure(folder, "in.parquet", "out.parquet") == line

    def test_an_unreadable_file_is_an_error(self, folder):
        (folder / "bad.parquet").write_bytes(b"PAR1 and nothing else")
        (folder / "bad.ndjson").write_text('{"category_filter": "*"}\n{"category', "utf-8")
        assert "bad.parquet" in failure(folder, "bad.parquet", "out.parquet")
        assert failure(folder, "bad.ndjson", "out.parquet")
        assert "missing.csv" in failure(folder, "missing.csv", "out.parquet", run=run_process)

    def test_a_full_disk_leaves_the_output_unchanged(self, folder):
        pl.concat([ROWS] * 100_000).with_row_index("row").write_parquet(folder / "in.parquet")
        (folder / "out.parquet").write_bytes(b"unchanged")
        result = subprocess.run(
            f"ulimit -f 100; {' '.join(COMMAND)} in.parquet out.parquet",
            shell=True,
            # Neither coverage nor Python's cache of bytecode may write files that are cut off.
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert (folder / "out.parquet").read_bytes() == b"unchanged"
        assert file_names(folder) == ["in.parquet", "out.parquet"]
        assert result.returncode == 2
        assert "File too large" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interruption_removes_the_temporary_file(self, folder, number):
        many = pl.concat([ROWS] * 100_000).with_row_index("row")
        many.write_parquet(folder / "in.parquet")
        process = subprocess.Popen(
            [*COMMAND, "in.parquet", "out.parquet"], cwd=folder, stderr=subprocess.PIPE, text=True
        )
        while file_names(folder) == ["in.parquet"]:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode not in {0, -signal.SIGKILL}
        assert file_names(folder) == ["in.parquet"]
        assert "Traceback" not in errors

    @pytest.mark.parametrize("missing", ["polars", "narwhals"])
    def test_without_its_extra_it_says_what_to_install(self, folder, missing):
        code = (
            f"import sys; sys.modules[{missing!r}] = None;"
            "sys.argv[1:] = ['precompute', 'in.parquet', 'out.parquet'];"
            "from category_filter.cli import main; main()"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder
        )
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"category-filter: {missing}")
        assert result.stderr.endswith("is missing: pip install 'category-filter[cli]'\n")


@pytest.mark.parametrize("name", ["in.parquet", "in.csv"])
def test_a_terminal_shows_progress(folder, name):
    write = {"in.parquet": pl.DataFrame.write_parquet, "in.csv": pl.DataFrame.write_csv}[name]
    write(pl.concat([ROWS] * 100_000, rechunk=True), folder / name)
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, name, "out.parquet"], cwd=folder, stderr=terminal, close_fds=True
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += os.read(screen, 65_536)
        except OSError:
            break
    os.close(screen)
    assert process.wait() == 0
    assert b"precomputing" in shown
    assert b"rows/s" in shown
    assert b"500,000 rows, 3 distinct filters" in shown


class TestSummary:
    def test_counts_of_one_are_singular(self, folder):
        ROWS[3:4].write_parquet(folder / "in.parquet")
        assert run(folder / "in.parquet", folder / "out.csv")[2] == (
            "1 row, 1 distinct filter, 1 invalid row\n"
            f"        1 write ',' instead of ';'; did you mean 'a,b'?\n{COPY_HINT}"
        )

    def test_distinct_filters_and_errors_are_counted_up_to_a_limit(self, folder, monkeypatch):
        monkeypatch.setattr(_tally, "_MAX_COUNTED", 3)
        texts = [f"a;{n}" for n in range(5)]
        pl.DataFrame({"category_filter": texts}).write_parquet(folder / "in.parquet")
        summary = run(folder / "in.parquet", folder / "out.csv")[2].splitlines()
        assert summary[0] == "5 rows, more than 3 distinct filters, 5 invalid rows"
        assert len(summary) == 1 + 3 + 1

    def test_memory_does_not_grow_with_the_file(self, monkeypatch):
        monkeypatch.setattr(_tally, "_MAX_COUNTED", 1)
        texts = pl.Series(["a;b", "a;c", "a;d", "a;b"])
        errors = texts.replace_strict({"a;b": "b", "a;c": "c", "a;d": "d"})
        tally = Tally()
        for _ in range(2):
            tally.add(texts, errors.clear(), errors)
        summary, *listed = tally.summary().splitlines()
        assert summary == "8 rows, more than 1 distinct filter, 8 invalid rows"
        assert len(listed) == 1
        assert len(tally.hashes) <= 3

    def test_counting_stops_when_interrupted(self):
        tally = Tally()
        for part in (EXPECTED[:3], EXPECTED[3:]):
            tally.add(part["category_filter"], part["unknown"], part["error"])
        assert tally.summary() == SUMMARY.strip()
        tally.stopped = True
        with pytest.raises(InterruptedError):
            tally.add(EXPECTED["category_filter"], EXPECTED["unknown"], EXPECTED["error"])
