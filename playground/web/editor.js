// The editor: CodeMirror, and what it knows of kernels. `build` bundles this file; what is bundled
// offers one function, as plain.js does.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, drawSelection, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const KEYWORDS = new Set(("pub fn let mut const for in if else while loop unsafe return inline local stream issue " +
  "interleave emit extern use as break continue align invariant declassify undefined mod struct").split(" "));
const TYPES = /^(gp(8|16|32|64)|[xyz]?mm|tmm|k|[ui](8|16|32|64|128|size)|f32|f64|bool|char|str|([xyz]mm|[dq])?word|byte|label|operand|mnemonic)$/;
const REGISTER = /^(r([89]|1[0-5])[dwb]?|[re]?([abcd]x|[sd]i|[sb]p)|[abcd][lh]|(si|di|sp|bp)l|[xyz]mm\d+|k[0-7]|rip)$/;
const PREFIX = /^(lock|rep|repe|repne|vex3?|evex)$/;

// Colors of words. An instruction is the first word of a statement that something but `=` follows.
const kernels = StreamLanguage.define({
  startState: () => ({ comment: 0, starts: true }),
  copyState: state => ({ ...state }),
  token(stream, state) {
    if (state.comment > 0) return comment(stream, state);
    if (stream.eatSpace()) return null;
    if (stream.match("//")) { stream.skipToEnd(); return "comment"; }
    if (stream.match("/*")) { state.comment = 1; return comment(stream, state); }
    const { starts } = state;
    state.starts = false;
    if (stream.match(/^"([^"\\]|\\.)*"?/)) return "string";
    if (stream.match(/^'[^'\\]'/)) return "string";
    if (stream.match(/^'\w+/)) { state.starts = stream.peek() === ":"; return "labelName"; }
    if (stream.match(/^\d[\w.]*/)) return "number";
    if (stream.match(/^#!?\[/)) { stream.match(/^\w+/); return "meta"; }
    const word = stream.match(/^[A-Za-z_]\w*/);
    if (!word) {
      state.starts = /[;{}:]/.test(stream.next());
      return null;
    }
    if (KEYWORDS.has(word[0])) return "keyword";
    if (TYPES.test(word[0])) return "typeName";
    if (starts && PREFIX.test(word[0])) { state.starts = true; return "operatorKeyword"; }
    if (starts && stream.match(/^\s*([;]|[^\s=.,:(!])/, false)) return "operatorKeyword";
    return REGISTER.test(word[0]) ? "variableName.special" : null;
  },
  languageData: { commentTokens: { line: "//", block: { open: "/*", close: "*/" } }, closeBrackets: { brackets: ["(", "[", "{", "\""] } },
});

function comment(stream, state) {
  while (state.comment > 0 && !stream.eol()) {
    if (stream.match("/*")) state.comment += 1;
    else if (stream.match("*/")) state.comment -= 1;
    else stream.next();
  }
  return "comment";
}

const colors = HighlightStyle.define([
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
  { tag: tags.keyword, color: "var(--keyword)" },
  { tag: tags.operatorKeyword, fontWeight: "600" },
  { tag: tags.typeName, color: "var(--vector)" },
  { tag: [tags.number, tags.string], color: "var(--text)" },
  { tag: tags.labelName, color: "var(--accent)" },
  { tag: tags.meta, color: "var(--mask)" },
  { tag: tags.special(tags.variableName), color: "var(--general)" },
]);

// Classes of lines: the colors that join them with rows, and the one that is pointed at.
const setLines = StateEffect.define();
const lineClasses = StateField.define({
  create: () => Decoration.none,
  update(lines, transaction) {
    for (const effect of transaction.effects) if (effect.is(setLines)) return effect.value;
    return lines.map(transaction.changes);
  },
  provide: field => EditorView.decorations.from(field),
});

// An editor in `parent`. It calls `changed()` when the text changes, and `entered(line)` when the
// cursor comes to another line.
globalThis.createEditor = (parent, { changed, entered }) => {
  let pairs = [];
  let joined = null;
  let line = 0;
  const view = new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        lineNumbers(), history(), drawSelection(), bracketMatching(), highlightSelectionMatches(),
        indentUnit.of("    "), kernels, syntaxHighlighting(colors), lintGutter(), lineClasses,
        keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of({ "aria-label": "Kernels", spellcheck: "false" }),
        EditorView.updateListener.of(update => {
          if (update.docChanged) changed();
          const now = update.state.doc.lineAt(update.state.selection.main.head).number;
          if (update.selectionSet && now !== line) entered(now);
          line = now;
        }),
      ],
    }),
  });
  const draw = () => {
    const count = view.state.doc.lines;
    const classes = new Map(pairs.map(([number, color]) => [number, `c${color}`]));
    if (joined) classes.set(joined, `${classes.get(joined) ?? ""} joined`);
    const marks = [...classes].filter(([number]) => number <= count).sort((a, b) => a[0] - b[0])
      .map(([number, name]) => Decoration.line({ class: name }).range(view.state.doc.line(number).from));
    view.dispatch({ effects: setLines.of(Decoration.set(marks)) });
  };
  // Columns count characters, positions UTF-16 units.
  const position = ([number, column]) => {
    const text = view.state.doc.line(Math.max(1, Math.min(number, view.state.doc.lines)));
    return Math.min(text.from + [...text.text].slice(0, column).join("").length, text.to);
  };
  return {
    text: () => view.state.doc.toString(),
    setText: text => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    setColors: next => { pairs = next; draw(); },
    setJoined: number => {
      if (number === joined) return;
      joined = number;
      draw();
      if (number && number <= view.state.doc.lines) {
        view.dispatch({ effects: EditorView.scrollIntoView(view.state.doc.line(number).from, { y: "nearest" }) });
      }
    },
    setMessages: messages => view.dispatch(setDiagnostics(view.state, messages.filter(m => m.from).map(message => ({
      from: position(message.from),
      to: Math.max(position(message.from), position(message.to)),
      severity: message.severity,
      message: [message.text, ...message.notes, ...(message.help ? [`help: ${message.help}`] : [])].join("\n"),
    })))),
    goTo: place => { view.dispatch({ selection: { anchor: position(place) }, scrollIntoView: true }); view.focus(); },
    focus: () => view.focus(),
  };
};
