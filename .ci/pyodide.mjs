// node pyodide.mjs FOLDER: run the core's tests on CPython 3.14, with the files of pyodide-files.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = resolve(process.argv[2]);
const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));

const MODULES = ["round_trip", "language", "filter", "categories", "errors", "index"];
const IMPOSSIBLE = [
  // WebAssembly has no processes,
  "language.py::TestFirstParse::test_the_import_does_not_load_lark",
  "language.py::TestFirstParse::test_a_valid_text_does_not_load_the_diagnostics",
  // no threads,
  "language.py::TestFirstParse::test_threads_may_all_be_the_first_to_parse",
  // and no signals.
  "index.py::TestInterruptions::test_signal_handlers_may_write_during_a_read",
];

const python = await loadPyodide();
for (const wheel of readdirSync(`${folder}/wheels`)) {
  const bytes = new Uint8Array(readFileSync(`${folder}/wheels/${wheel}`));
  python.unpackArchive(bytes, "wheel", { extractDir: "/lib/python3.14/site-packages" });
}
python.FS.mkdirTree("/project");
python.FS.mount(python.FS.filesystems.NODEFS, { root }, "/project");
python.globals.set(
  "arguments",
  python.toPy([
    ...["-q", "-c", "/dev/null", "--rootdir=/project", "-p", "no:cacheprovider"],
    ...["-o", "pythonpath=/project/tests", "--hypothesis-profile=quick"],
    ...IMPOSSIBLE.map((test) => `--deselect=tests/test_${test}`),
    ...MODULES.map((name) => `tests/test_${name}.py`),
  ]),
);
process.exitCode = await python.runPythonAsync(`
import importlib, os, sys
importlib.invalidate_caches()
os.chdir("/project")
sys.dont_write_bytecode = True
import pytest
print("Python", sys.version)
int(pytest.main(arguments))
`);
