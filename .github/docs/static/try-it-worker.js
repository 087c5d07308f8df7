// Runs category-filter on Python in WebAssembly, away from the page, which stays responsive.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const file = async (path) => {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
};

const start = async () => {
  const [python, wheels] = await Promise.all([
    loadPyodide(),
    file("pyodide/wheels.json").then((response) => response.json()),
  ]);
  const extractDir = python.runPython("import site; site.getsitepackages()[0]");
  for (const wheel of wheels) {
    const bytes = new Uint8Array(await (await file(`pyodide/wheels/${wheel}`)).arrayBuffer());
    python.unpackArchive(bytes, "wheel", { extractDir });
  }
  python.runPython("import importlib; importlib.invalidate_caches()");
  python.runPython(await (await file("try_it.py")).text());
  return python.globals.get("explain");
};

const starting = start();
starting.catch(() => postMessage({ failed: true }));

onmessage = async ({ data: { filter, known } }) => {
  const explain = await starting;
  postMessage({ filter, known, answer: JSON.parse(explain(filter, known)) });
};
