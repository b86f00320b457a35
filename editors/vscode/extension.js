// Formats kernels with `peach fmt`, which reads the text from its standard input.

"use strict";

const { spawn } = require("child_process");
const vscode = require("vscode");

/** The languages of editors, and what `peach fmt` calls them. */
const LANGUAGES = { peach: "peach", rust: "rust" };

function activate(context) {
  context.subscriptions.push(
    vscode.languages.registerDocumentFormattingEditProvider("peach", {
      provideDocumentFormattingEdits: (document) => edits(document),
    }),
    vscode.commands.registerTextEditorCommand("peach.format", (editor) => format(editor)),
    vscode.workspace.onWillSaveTextDocument((event) => {
      const { document } = event;
      const wanted = settings(document).get("formatOnSave");
      if (wanted && document.languageId === "rust" && document.getText().includes("peach_fn")) {
        event.waitUntil(edits(document));
      }
    }),
  );
}

/** Applies the edits of the command `peach.format`. */
async function format(editor) {
  const changes = await edits(editor.document);
  await editor.edit((builder) => {
    for (const change of changes) {
      builder.replace(change.range, change.newText);
    }
  });
}

/** What formatting changes: nothing, or the whole text; nothing after an error, which is shown. */
async function edits(document) {
  const language = LANGUAGES[document.languageId];
  if (language === undefined) {
    vscode.window.showErrorMessage("peach formats .peach files and peach_fn! in Rust files");
    return [];
  }
  const before = document.getText();
  try {
    const command = settings(document).get("command") || "peach";
    const after = await run(command, ["fmt", `--language=${language}`, "-"], before);
    if (after === before) {
      return [];
    }
    const end = document.positionAt(before.length);
    return [vscode.TextEdit.replace(new vscode.Range(document.positionAt(0), end), after)];
  } catch (error) {
    vscode.window.showErrorMessage(error.message);
    return [];
  }
}

function settings(document) {
  return vscode.workspace.getConfiguration("peach", document.uri);
}

/** The standard output of a command. Rejects with its messages if it fails. */
function run(command, args, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args);
    const out = [];
    const err = [];
    child.stdout.on("data", (data) => out.push(data));
    child.stderr.on("data", (data) => err.push(data));
    // A command that ends early does not read its input: its exit code says why.
    child.stdin.on("error", () => {});
    child.on("error", (error) => {
      const fix = "install it with `cargo install peach-cli`, or set `peach.command`";
      reject(new Error(`${command} cannot be run (${error.message}): ${fix}`));
    });
    child.on("close", (code) => {
      if (code === 0) {
        resolve(Buffer.concat(out).toString());
      } else {
        reject(new Error(Buffer.concat(err).toString().trim()));
      }
    });
    child.stdin.end(input);
  });
}

module.exports = { activate, deactivate() {} };
