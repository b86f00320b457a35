// The extension in an editor that only has what it uses, with the real command.

"use strict";

const assert = require("node:assert");
const Module = require("node:module");
const path = require("node:path");
const test = require("node:test");

const command = process.env.PEACH || "peach";
const shown = [];
const registered = {};
const settings = { command, formatOnSave: true };

class Range {
  constructor(start, end) {
    Object.assign(this, { start, end });
  }
}

const vscode = {
  Range,
  TextEdit: { replace: (range, newText) => ({ range, newText }) },
  commands: { registerTextEditorCommand: (name, run) => (registered[name] = run) },
  languages: {
    registerDocumentFormattingEditProvider: (language, one) => (registered[language] = one),
  },
  window: { showErrorMessage: (text) => shown.push(text) },
  workspace: {
    getConfiguration: () => ({ get: (name) => settings[name] }),
    onWillSaveTextDocument: (run) => (registered.save = run),
  },
};

const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));
require(path.join(__dirname, "..", "extension.js")).activate({ subscriptions: [] });

const document = (languageId, text) => ({
  languageId,
  uri: "file",
  getText: () => text,
  positionAt: (offset) => offset,
});

test("a kernel file is formatted as a document", async () => {
  const format = (text) => registered.peach.provideDocumentFormattingEdits(document("peach", text));
  const [edit] = await format("fn  f(){ nop ;}");
  assert.strictEqual(edit.newText, "fn f() { nop; }\n");
  assert.deepStrictEqual([edit.range.start, edit.range.end], [0, 15]);
  assert.deepStrictEqual(await format("fn f() { nop; }\n"), []);
});

test("kernels in Rust are formatted on request and on saving", async () => {
  const text = "fn  main(){} peach_fn!{fn  f(){ nop ;}}";
  const expected = "fn  main(){} peach_fn!{ fn f() { nop; } }";
  const edited = [];
  await registered["peach.format"]({
    document: document("rust", text),
    edit: async (run) => run({ replace: (_, newText) => edited.push(newText) }),
  });
  assert.deepStrictEqual(edited, [expected]);
  let waited;
  registered.save({ document: document("rust", text), waitUntil: (edits) => (waited = edits) });
  assert.strictEqual((await waited)[0].newText, expected);
});

test("errors are shown and change nothing", async () => {
  const format = (text) => registered.peach.provideDocumentFormattingEdits(document("peach", text));
  assert.deepStrictEqual(await format("fn f() {"), []);
  assert.match(shown.pop(), /cannot be split into tokens/);
  settings.command = "/no/such/peach";
  assert.deepStrictEqual(await format("fn f() {}"), []);
  assert.match(shown.pop(), /cargo install peach-cli/);
  settings.command = command;
});
