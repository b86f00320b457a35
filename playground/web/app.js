// The playground: text on the left, what it compiles to on the right, at every keystroke.
import { native, wasm } from "./engine.js";
import { pack, unpack } from "./share.js";

const element = id => document.getElementById(id);
const SETTINGS = ["abi", "cpu", "format", "cost"];
const EXAMPLES = ["add", "dot", "count", "digits", "versions"];
const isNative = document.documentElement.dataset.engine === "native";

const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
  // The token leaves the address, so that it is in no history and in no shared link.
  localStorage.setItem("peach-token", fragment.get("token"));
  history.replaceState(null, "", location.pathname);
}
const engine = isNative ? native(localStorage.getItem("peach-token")) : wasm();

// The name of the file, where the command was given one.
let name = "kernels";
let chosen = 0;
let isLoud = true;

const editor = createEditor(element("editor"), {
  changed: () => { if (isLoud) compile(); },
  entered: line => listing.line(`0:${line}`),
});
const listing = new Listing(element("code"), element("tabs"), element("live"), line => {
  const [file, number] = (line ?? "1:0").split(":").map(Number);
  editor.setJoined(file === 0 ? number : null);
});

// Compiles. While an answer is awaited, later texts wait too, and only the last of them is asked for.
let isBusy = false;
let isDirty = false;
async function compile() {
  isDirty = true;
  if (isBusy) return;
  isBusy = true;
  while (isDirty) {
    isDirty = false;
    const start = performance.now();
    const request = { text: editor.text(), name };
    SETTINGS.forEach(key => { request[key] = element(key).value; });
    try {
      const answer = await engine.answer(request);
      if (!isDirty) show(answer, start);
    } catch (error) {
      show({ kernels: [], colors: [], messages: [message(error.message)], output: null }, start);
    }
  }
  isBusy = false;
}

const message = text => ({ severity: "error", code: "", text, from: null, to: null, labels: [], notes: [], help: null });

function show(answer, start) {
  const drawing = performance.now();
  const isGood = answer.kernels.length > 0;
  showMessages(answer.messages);
  element("output").hidden = !answer.output;
  element("output").textContent = answer.output ?? "";
  element("kernels").classList.toggle("stale", !isGood);
  editor.setMessages(answer.messages);
  if (isGood) {
    chosen = Math.min(chosen, answer.kernels.length - 1);
    showTabs(answer.kernels);
    drawKernels(answer.html);
    editor.setColors(answer.colors);
    listing.choose(chosen);
  }
  const end = performance.now();
  // What the test of speed reads: all of it, and the part that keeps the page from reacting.
  document.body.dataset.took = end - start;
  document.body.dataset.drew = end - drawing;
  document.body.dataset.compiled = Number(document.body.dataset.compiled ?? 0) + 1;
  const errors = answer.messages.filter(({ severity }) => severity === "error").length;
  const state = errors ? `${errors} error${errors === 1 ? "" : "s"}` : "compiled";
  element("status").textContent = `${state} in ${Math.round(drawing - start)} ms`;
}

// Most keystrokes leave most of the code as it is.
let drawn = "";
function drawKernels(html) {
  if (html !== drawn) element("kernels").innerHTML = html;
  drawn = html;
}

function showTabs(titles) {
  element("tabs").replaceChildren(...titles.map((title, index) => {
    const tab = document.createElement("button");
    tab.role = "tab";
    tab.id = `tab${index}`;
    tab.dataset.kernel = index;
    tab.textContent = title;
    tab.setAttribute("aria-controls", `kernel${index}`);
    tab.addEventListener("click", () => { chosen = index; });
    return tab;
  }));
}

function showMessages(messages) {
  element("messages").replaceChildren(...messages.map(each => {
    const item = document.createElement("li");
    item.className = each.severity;
    const add = (tag, text, name) => {
      const part = item.appendChild(document.createElement(tag));
      part.textContent = text;
      if (name) part.className = name;
    };
    add("b", each.code ? `${each.severity}[${each.code}]` : each.severity);
    add("span", each.from ? ` line ${each.from[0]}, column ${each.from[1] + 1}: ${each.text}` : ` ${each.text}`);
    each.labels.forEach(label => add("p", `line ${label.line}: ${label.text}`));
    each.notes.forEach(note => add("p", note));
    if (each.help) add("p", `help: ${each.help}`, "help");
    if (each.from) item.addEventListener("click", () => editor.goTo(each.from));
    return item;
  }));
}

// Takes a text in without a compilation for each of the changes that come with it.
function load(text, settings = {}) {
  isLoud = false;
  editor.setText(text);
  SETTINGS.forEach(key => {
    if (typeof settings[key] === "string") element(key).value = settings[key];
    if (element(key).selectedIndex < 0) element(key).selectedIndex = 0;
  });
  isLoud = true;
  chosen = 0;
  compile();
}

async function example(name) {
  const response = await fetch(`examples/${name}.peach`);
  load(await response.text());
}

async function share() {
  const state = { text: editor.text() };
  SETTINGS.forEach(key => { state[key] = element(key).value; });
  const address = `${location.origin}${location.pathname}#code=${await pack(state)}`;
  history.replaceState(null, "", address);
  try {
    await navigator.clipboard.writeText(address);
    element("status").textContent = "the address is copied";
  } catch {
    element("status").textContent = "the address is in the bar above";
  }
}

async function save(overwrite = false) {
  try {
    element("status").textContent = await engine.save(editor.text(), overwrite);
  } catch (error) {
    if (!overwrite && error.message.includes("changed") && confirm(`${error.message}. Overwrite it?`)) return save(true);
    element("status").textContent = error.message;
  }
}

async function start() {
  EXAMPLES.forEach(name => element("example").append(new Option(name, name)));
  element("example").addEventListener("change", event => { if (event.target.value) example(event.target.value); });
  SETTINGS.forEach(key => element(key).addEventListener("change", compile));
  element("share").addEventListener("click", share);
  element("save").addEventListener("click", () => save());
  themeButton(element("theme"), theme => localStorage.setItem("peach-theme", theme));
  const theme = localStorage.getItem("peach-theme");
  if (theme) document.documentElement.dataset.theme = theme;
  document.addEventListener("keydown", keys);
  addEventListener("hashchange", () => fromAddress(new URLSearchParams(location.hash.slice(1))));
  if (isNative) {
    try {
      const file = await engine.file();
      element("save").hidden = file.name === null;
      if (file.name !== null) {
        name = file.name;
        document.title = `${name} – peach`;
        if (!fragment.has("code") && file.text !== "") return load(file.text);
      }
    } catch (error) {
      showMessages([message(error.message)]);
      return;
    }
  }
  if (!(await fromAddress(fragment))) await example("dot");
}

async function fromAddress(fragment) {
  if (!fragment.has("code")) return false;
  try {
    const state = await unpack(fragment.get("code"));
    load(String(state.text ?? ""), state);
    return true;
  } catch {
    showMessages([message("the address holds no text that can be read")]);
    return false;
  }
}

// F6 changes sides; in the listing, up and down go through the rows; Ctrl+S saves.
function keys(event) {
  const isInCode = element("code").contains(document.activeElement);
  if (event.key === "F6") {
    if (isInCode) editor.focus(); else element("code").focus();
    event.preventDefault();
  } else if (event.key === "s" && (event.ctrlKey || event.metaKey) && isNative) {
    if (!element("save").hidden) save();
    event.preventDefault();
  } else if (isInCode && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const rows = listing.rows();
    const now = rows.findIndex(row => row.classList.contains("current"));
    const next = rows[now + (event.key === "ArrowDown" ? 1 : -1)] ?? rows[Math.max(now, 0)];
    if (!next) return;
    listing.point(next, true);
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (event.key === "Escape") {
    listing.clear();
    editor.setJoined(null);
  }
}

start();
