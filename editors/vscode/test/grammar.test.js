// The grammar, by the library that VS Code reads it with: the scopes of a kernel's words, and that
// every kernel of the repository is read to its end.

"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const test = require("node:test");

const folder = path.join(__dirname, "..");
const root = path.join(folder, "..", "..");
// The libraries may be in another folder, so that testing writes nothing here.
const load = createRequire(path.join(process.env.NODE_MODULES || folder, "here.js"));
const oniguruma = load("vscode-oniguruma");
const textmate = load("vscode-textmate");

const RUST = {
  scopeName: "source.rust",
  patterns: [
    { name: "comment.line", match: "//.*$" },
    { name: "string.raw", begin: 'r(#*)"', end: '"\\1' },
    { name: "string", begin: '"', end: '"', patterns: [{ match: "\\\\." }] },
  ],
};

async function grammar(scope) {
  const wasm = fs.readFileSync(load.resolve("vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length));
  const files = { "source.peach": "peach", "peach.injection": "peach.injection" };
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (sources) => new oniguruma.OnigScanner(sources),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    getInjections: (name) => (name === "source.rust" ? ["peach.injection"] : []),
    loadGrammar: async (name) => {
      if (name === "source.rust") {
        return textmate.parseRawGrammar(JSON.stringify(RUST), "rust.json");
      }
      const file = path.join(folder, "syntaxes", `${files[name]}.tmLanguage.json`);
      return textmate.parseRawGrammar(fs.readFileSync(file, "utf8"), file);
    },
  });
  return registry.loadGrammar(scope);
}

/** The tokens of a text, with the scope closest to each; and how deep the brackets are at its end. */
function tokenize(loaded, text) {
  let stack = textmate.INITIAL;
  const tokens = [];
  text.split("\n").forEach((line, number) => {
    const result = loaded.tokenizeLine(line, stack);
    stack = result.ruleStack;
    for (const token of result.tokens) {
      const part = line.slice(token.startIndex, token.endIndex);
      if (part.trim() !== "") {
        tokens.push({ text: part.trim(), scope: token.scopes.at(-1), scopes: token.scopes, number });
      }
    }
  });
  return { tokens, depth: stack.depth };
}

const KERNEL = `//! Header.
/* a /* nested */ one */
/// Documentation.
#[target_feature(enable = "avx2")] // why
pub unsafe fn pack_{B}(x: &[f32; 4], n: u64) -> f32 {
    const WIDTH: u32 = 0x1F + 4;
    const T: [u8; 2] = *b"a\\"";
    let acc, one: ymm = f32x8(1.5e-3);
    for i in 0..8 { VPXOR acc[i], acc[i], acc[i]; }
    'next[1]: vaddps acc{k1}{z}, one, [x.ptr + 4*rcx]{1to16}, {rn-sae};
    lock add dword ptr [r10], 'x';
    mov eax, const { size_of::<u8>() };
    if isa("avx") && len(acc) == 2 { jnz continue 'next; } else { call sym a::f; }
    mov rax, fs:[0];
    store(vmovntps, x);
    in_the_way add;
    return acc[0].xmm;
}
`;

test("the words of a kernel have their scopes", async () => {
  const { tokens, depth } = tokenize(await grammar("source.peach"), KERNEL);
  const scopes = (text) => tokens.filter((token) => token.text === text).map((token) => token.scope);
  const expected = {
    "//! Header.": "comment.line.documentation.peach",
    "// why": "comment.line.double-slash.peach",
    target_feature: "entity.other.attribute-name.peach",
    unsafe: "keyword.other.unsafe.peach",
    "pack_{B}": "entity.name.function.peach",
    f32: "support.type.primitive.peach",
    WIDTH: "constant.other.peach",
    "0x1F": "constant.numeric.peach",
    ymm: "support.type.class.peach",
    f32x8: "support.type.data.peach",
    "1.5e-3": "constant.numeric.peach",
    for: "keyword.control.peach",
    in: "keyword.control.peach",
    VPXOR: "keyword.mnemonic.peach",
    vaddps: "keyword.mnemonic.peach",
    vmovntps: "keyword.mnemonic.peach",
    "{k1}": "storage.modifier.decoration.peach",
    "{1to16}": "storage.modifier.decoration.peach",
    "{rn-sae}": "storage.modifier.decoration.peach",
    rcx: "variable.language.register.peach",
    r10: "variable.language.register.peach",
    eax: "variable.language.register.peach",
    fs: "variable.language.register.peach",
    lock: "keyword.other.prefix.peach",
    dword: "storage.modifier.size.peach",
    ptr: undefined,
    "'x'": "string.quoted.single.peach",
    "'next": "entity.name.label.peach",
    continue: "keyword.control.peach",
    sym: "keyword.operator.word.peach",
    isa: "support.function.peach",
    store: "entity.name.function.peach",
    in_the_way: "source.peach",
  };
  for (const [text, scope] of Object.entries(expected)) {
    const found = scopes(text);
    assert.ok(found.length > 0 || scope === undefined, `${text} is a token of its own`);
    for (const one of found.filter(() => scope !== undefined)) {
      const inner = one.startsWith("meta.") || one.startsWith("source") ? "source.peach" : one;
      assert.strictEqual(inner, scope, text);
    }
  }
  // `ptr` is the size's word in one place, and part of a slice in another.
  const pointers = scopes("ptr");
  assert.ok(pointers.includes("storage.modifier.size.peach"), String(pointers));
  assert.strictEqual(depth, tokenize(await grammar("source.peach"), "").depth, "all is closed");
});

test("every file of kernels is read to its end", async () => {
  const loaded = await grammar("source.peach");
  const start = tokenize(loaded, "").depth;
  let count = 0;
  for (const file of files(root).filter((name) => name.endsWith(".peach"))) {
    const text = fs.readFileSync(file, "utf8");
    const { tokens, depth } = tokenize(loaded, text);
    assert.strictEqual(depth, start, `${file}: a bracket, string or comment is open at its end`);
    for (const token of tokens) {
      const comment = token.scopes.some((scope) => scope.startsWith("comment"));
      const quoted = token.scopes.some((scope) => scope.startsWith("string"));
      assert.ok(comment || quoted || !token.text.includes("//"), `${file}:${token.number + 1}`);
    }
    count += 1;
  }
  assert.ok(count > 60, `${count} files`);
});

test("peach_fn! in Rust is a kernel, and Rust goes on after it", async () => {
  const loaded = await grammar("source.rust");
  const start = tokenize(loaded, "").depth;
  let count = 0;
  for (const file of files(root).filter((name) => name.endsWith(".rs"))) {
    const text = fs.readFileSync(file, "utf8");
    if (!/^\s*peach_fn! \{$/m.test(text)) {
      continue;
    }
    const { tokens, depth } = tokenize(loaded, text);
    assert.strictEqual(depth, start, `${file}: a peach_fn! is open at its end`);
    // Tests of the compiler have kernels in strings alone.
    count += tokens.some((token) => token.scopes.includes("meta.embedded.peach")) ? 1 : 0;
  }
  assert.ok(count > 30, `${count} files`);
  const { tokens } = tokenize(loaded, "peach_fn! { fn f() { nop; } }\nfn g() { nop; }");
  const scopes = tokens.filter((token) => token.scope === "keyword.mnemonic.peach");
  assert.deepStrictEqual(scopes.map((token) => token.number), [0]);
});

/** All files below a folder of the repository. */
function files(directory) {
  return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(directory, entry.name);
    if (!entry.isDirectory()) {
      return [name];
    }
    const skipped = entry.name.startsWith(".") || ["target", "node_modules"].includes(entry.name);
    return skipped ? [] : files(name);
  });
}

/** The compiler's registers, and words that are none, one list a line, in a file. */
const lists = process.env.REGISTERS;

test("registers are those of the compiler", { skip: !lists }, async () => {
  const loaded = await grammar("source.peach");
  const [registers, others] = fs.readFileSync(lists, "utf8").split("\n");
  // Only of segments, `:` and an address must follow.
  const scope = (word) => tokenize(loaded, `mov ${word}:[x], 1;`).tokens[1].scope;
  for (const word of registers.split(" ")) {
    assert.strictEqual(scope(word), "variable.language.register.peach", word);
  }
  for (const word of others.split(" ")) {
    assert.notStrictEqual(scope(word), "variable.language.register.peach", word);
  }
});
