// The Try it box. Python is loaded when the box is first used.

const part = (name) => document.getElementById(`try-it-${name}`);
const [filter, known, status, answer] = ["filter", "known", "status", "answer"].map(part);
const [excerpt, suggestions, table] = ["excerpt", "suggestions", "table"].map(part);

let worker;

const start = () => {
  if (worker) return;
  worker = new Worker(new URL("try-it-worker.js", import.meta.url), { type: "module" });
  worker.onerror = fail;
  worker.onmessage = ({ data }) => {
    if (data.failed) fail();
    // An answer to what has been typed over is never shown.
    else if (data.filter === filter.value && data.known === known.value) show(data.answer);
  };
};

const fail = () => {
  status.textContent = "Python could not be loaded. Reload the page to try again.";
};

const ask = () => {
  start();
  answer.classList.add("try-it-pending");
  if (answer.dataset.answered === undefined) status.textContent = "Loading Python…";
  worker.postMessage({ filter: filter.value, known: known.value });
};

const show = (result) => {
  answer.dataset.answered = "";
  answer.classList.remove("try-it-pending");
  status.textContent = result.status;
  for (const input of [filter, known]) {
    const invalid = result.invalid !== undefined && part(result.invalid) === input;
    input.setAttribute("aria-invalid", invalid);
  }
  excerpt.textContent = result.excerpt ?? "";
  excerpt.hidden = !result.excerpt;
  suggestions.replaceChildren(
    ...(result.suggestions ?? []).flatMap((text, i) => [i ? " or " : "Did you mean ", button(text)]),
  );
  suggestions.hidden = !result.suggestions?.length;
  table.hidden = !result.rows;
  table.tBodies[0].replaceChildren(...(result.rows ?? []).map(row));
};

const button = (text) => {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.onclick = () => {
    filter.value = text;
    filter.focus();
    ask();
  };
  return element;
};

const row = ([name, allowed, label]) => {
  const element = document.createElement("tr");
  for (const text of [name, allowed ? "yes" : "no", label]) element.insertCell().textContent = text;
  return element;
};

part("example").hidden = true;
part("form").hidden = false;
for (const input of [filter, known]) {
  input.addEventListener("focus", start);
  input.addEventListener("input", ask);
}
