// What must hold of the playground in a browser, for one engine: `node test.mjs native` or `wasm`.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const engine = process.argv[2];
const { PEACH, PICTURES } = process.env;
const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), "peach-playground-"));
const FILE = join(folder, "kernels.peach");
const KERNEL = `pub fn sum(x: &[u64; 4]) -> u64 {
    let total: gp64 = 0;
    for i in 0..4 { add total, [x + 8 * i]; }
    return total;
}
`;

// The command, or a server of files that knows nothing of kernels.
async function serve() {
  if (engine === "native") {
    writeFileSync(FILE, KERNEL);
    const process = spawn(PEACH, ["play", FILE]);
    const address = await new Promise((resolve, reject) => {
      process.stdout.once("data", data => resolve(String(data).trim()));
      process.once("error", reject);
    });
    return { address, stop: () => process.kill() };
  }
  const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    try {
      const text = readFileSync(join(here, "dist", path === "/" ? "index.html" : path));
      response.writeHead(200, { "Content-Type": types[extname(path) || ".html"] ?? "text/plain" });
      response.end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}

const { address, stop } = await serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
await context.grantPermissions(["clipboard-read", "clipboard-write"]);
const complaints = [];

async function open(address) {
  const page = await context.newPage();
  page.on("console", message => { if (message.type() !== "log") complaints.push(message.text()); });
  page.on("pageerror", error => complaints.push(String(error)));
  page.on("requestfailed", request => complaints.push(`${request.url()} failed`));
  await page.goto(address);
  await compiled(page, 0);
  return page;
}

// Waits for a compilation after the one of this number.
const count = page => page.evaluate(() => Number(document.body.dataset.compiled ?? 0));
const compiled = (page, since) =>
  page.waitForFunction(since => Number(document.body.dataset.compiled ?? 0) > since, since, { timeout: 60_000 });

async function after(page, action) {
  const since = await count(page);
  await action();
  await compiled(page, since);
}

const text = page => page.locator(".cm-content").innerText();

// Replaces the text as one who types does, but for the indentation, which the editor adds itself.
async function write(page, kernel) {
  await page.locator(".cm-content").click();
  await page.keyboard.press("ControlOrMeta+a");
  await after(page, () => page.keyboard.insertText(kernel));
}

// The rows of the kernel that is shown: its instructions with their bytes.
const rows = page => page.$$eval("section:not([hidden]) .body li", items => items
  .filter(item => item.dataset.does)
  .map(item => ({ text: item.querySelector("code").textContent, bytes: item.querySelector("b").textContent.replaceAll(/\s/g, "") })));

const tests = {
  async "bytes are those of peach encode"(page) {
    await write(page, KERNEL);
    const shown = await rows(page);
    assert.equal(shown.length, 6);
    for (const { text, bytes } of shown) {
      assert.equal(execFileSync(PEACH, ["encode", text], { encoding: "utf8" }).trim(), bytes, text);
    }
    await after(page, () => page.selectOption("#format", "bytes"));
    const output = (await page.locator("#output").innerText()).trim().split("\n").slice(1);
    assert.deepEqual(output, shown.map(row => row.bytes));
    for (const [format, part] of [["gas", ".globl"], ["nasm", "sum:"], ["header", "uint64_t sum("], ["json", "\"sum\""]]) {
      await after(page, () => page.selectOption("#format", format));
      assert.match(await page.locator("#output").innerText(), new RegExp(part.replace("(", "\\(")), format);
    }
    await after(page, () => page.selectOption("#format", "show"));
    assert.equal(await page.locator("#output").isHidden(), true);
  },

  async "every keystroke compiles"(page) {
    await write(page, "pub fn f() -> u64 { return 1; }");
    await page.keyboard.press("End");
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowLeft");
    await after(page, () => page.keyboard.press("Backspace"));
    await page.locator("#messages li").first().waitFor();
    await after(page, () => page.keyboard.type("7"));
    assert.ok((await rows(page)).some(row => row.text === "mov eax, 7"), JSON.stringify(await rows(page)));
  },

  async "loops have costs"(page) {
    await write(page, "pub unsafe fn f(n: u64) { let a: gp64 = 3; 'next: { imul a, a; dec n; jnz continue 'next; } }");
    assert.equal(await page.locator(".costs").count(), 0);
    for (const cpu of ["skylake-xeon", "zen4"]) {
      await after(page, () => page.selectOption("#cost", cpu));
      const costs = await page.locator(".costs").innerText();
      assert.match(costs, engine === "wasm" ? /by a table of llvm-mca/ : /by (a table of )?llvm-mca/);
      assert.match(costs, /3\.0\d cycles an iteration; bound by a chain/);
      assert.equal(await page.locator(".body li.chain").count(), 1);
    }
    await after(page, () => page.selectOption("#cost", ""));
  },

  async "an error appears and goes"(page) {
    await write(page, KERNEL.replace("add total", "ad total"));
    const item = page.locator("#messages li.error");
    assert.equal(await item.count(), 1);
    assert.match(await item.innerText(), /error\[E\d+\] line 3, column 21: .*ad/s);
    await page.locator(".cm-lintRange-error").first().waitFor();
    assert.equal(await page.locator(".cm-lintRange-error").first().innerText(), "ad");
    assert.equal(await page.locator("#kernels.stale").count(), 1);
    await item.click();
    await after(page, async () => {
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.type("d");
    });
    assert.equal(await page.locator("#messages li").count(), 0);
    assert.equal(await page.locator(".cm-lintRange-error").count(), 0);
    assert.equal(await page.locator("#kernels.stale").count(), 0);
  },

  async "hovering joins rows and lines"(page) {
    await write(page, KERNEL);
    await page.locator("section:not([hidden]) .body li", { hasText: "add" }).first().hover();
    await page.locator(".cm-line.joined").waitFor();
    assert.match(await page.locator(".cm-line.joined").innerText(), /for i in 0\.\.4/);
    assert.equal(await page.locator(".body li.on").count(), 4, "all rows of the line are lit");
    assert.match(await page.locator("#live").innerText(), /^live: .*total/);
    assert.match(await page.locator("#card").innerText(), /adds the source to the destination[^]*ADD r64, r\/m64[^]*reads .* writes /);
    await page.locator("h1").hover();
    assert.equal(await page.locator("#card").isHidden(), true);
    await page.locator(".cm-line", { hasText: "for i" }).click();
    assert.equal(await page.locator(".body li.on").count(), 4, "and from the line to its rows");
    const color = item => item.evaluate(item => [...item.classList].find(name => /^c\d$/.test(name)));
    assert.equal(await color(page.locator(".cm-line", { hasText: "for i" })), await color(page.locator(".body li.on").first()));
  },

  async "a shared address reproduces text and settings"(page) {
    await write(page, KERNEL);
    await after(page, () => page.selectOption("#abi", "ms"));
    await after(page, () => page.selectOption("#cpu", "haswell"));
    await page.click("#share");
    await page.waitForFunction(() => location.hash.startsWith("#code="));
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.ok(!link.includes("token"), link);
    const other = await open(link);
    assert.equal(await text(other), await text(page));
    assert.deepEqual(await rows(other), await rows(page));
    assert.equal(await other.inputValue("#abi"), "ms");
    assert.equal(await other.inputValue("#cpu"), "haswell");
    await other.close();
    await page.selectOption("#abi", "sysv");
    await after(page, () => page.selectOption("#cpu", ""));
  },

  async "versions are tabs, examples compile"(page) {
    for (const name of ["add", "dot", "count", "digits", "versions"]) {
      await after(page, () => page.selectOption("#example", name));
      assert.equal(await page.locator("#messages li").count(), 0, name);
      assert.ok((await rows(page)).length > 2, name);
    }
    const tabs = page.locator("#tabs [role=tab]");
    assert.equal(await tabs.count(), 3);
    await tabs.nth(2).click();
    assert.ok((await rows(page)).some(row => row.text.startsWith("addps")));
    await page.keyboard.press("ArrowLeft");
    assert.ok((await rows(page)).some(row => row.text.includes("ymm")));
    assert.equal(await tabs.nth(1).getAttribute("aria-selected"), "true");
  },

  async "keys alone are enough"(page) {
    await write(page, KERNEL);
    await page.keyboard.press("F6");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.locator(".body li.current").count(), 1);
    assert.equal(await page.locator("#card").isVisible(), true);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".body li.on").count(), 0);
    await page.keyboard.press("F6");
    assert.ok(await page.evaluate(() => document.activeElement.classList.contains("cm-content")));
  },

  async "axe finds nothing, light and dark, with errors and without"(page) {
    const axe = readFileSync(join(here, "node_modules/axe-core/axe.min.js"), "utf8");
    for (const kernel of [KERNEL, KERNEL.replace("add", "ad")]) {
      await write(page, kernel);
      for (const theme of ["light", "dark"]) {
        await page.evaluate(theme => { document.documentElement.dataset.theme = theme; }, theme);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(" | ").slice(0, 600)}`);
        assert.deepEqual(found, [], theme);
      }
    }
    await page.evaluate(() => { delete document.documentElement.dataset.theme; });
  },

  async "small screens and paper"(page) {
    await write(page, KERNEL);
    await page.setViewportSize({ width: 390, height: 800 });
    const { wide, editor, code } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth > innerWidth,
      editor: document.getElementById("editor").getBoundingClientRect().height,
      code: document.getElementById("code").getBoundingClientRect().height,
    }));
    assert.ok(!wide && editor > 100 && code > 100, `${wide} ${editor} ${code}`);
    await page.setViewportSize({ width: 1400, height: 900 });
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("header").isVisible(), false);
    assert.equal(await page.locator("section").first().isVisible(), true);
    await page.emulateMedia({ media: "screen" });
  },

  async "1,000 lines follow every keystroke"(page) {
    const lines = Array.from({ length: 995 }, (_, i) => `    ${["add a, b", "xor b, a", "rol a, 7", "lea b, [a + b]"][i % 4]};`);
    await write(page, `pub fn long(x: u64, y: u64) -> u64 {\n    let a, b: gp64;\n    a = x; b = y;\n${lines.join("\n")}\n    add a, 1;\n    return a;\n}`);
    await page.keyboard.press("ControlOrMeta+End");
    for (const key of ["ArrowUp", "ArrowUp", "End", "ArrowLeft"]) await page.keyboard.press(key);
    const took = [];
    const drew = [];
    for (let i = 0; i < 20; i++) {
      // Digits come and go: each changes an instruction, and with it what is drawn.
      await after(page, () => page.keyboard.press(i % 8 < 4 ? "2" : "Backspace"));
      const { dataset } = await page.evaluate(() => ({ dataset: { ...document.body.dataset } }));
      took.push(Number(dataset.took));
      drew.push(Number(dataset.drew));
    }
    const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];
    console.log(`    a keystroke among 1,000 lines, in ms: ${median(took).toFixed(1)} in all (at most ` +
      `${Math.max(...took).toFixed(1)}), of which the page is busy for ${median(drew).toFixed(1)}`);
    // What else the machine does makes keystrokes slower, never faster: the fastest is the page's own.
    // The aim is 50 ms, on a machine that does nothing else. What is refused anywhere is what grows too fast.
    assert.ok(Math.min(...took) < 250, took.map(Math.round).join(" "));
  },

  ...(engine === "native" ? {
    async "FILE is opened, and saved on request"(page) {
      await write(page, KERNEL.replace("sum", "total"));
      assert.equal(readFileSync(FILE, "utf8"), KERNEL);
      await page.keyboard.press("ControlOrMeta+s");
      await page.locator("#status", { hasText: "saved" }).waitFor();
      assert.match(readFileSync(FILE, "utf8"), /pub fn total/);
      writeFileSync(FILE, "// by others\n");
      page.once("dialog", dialog => dialog.dismiss());
      await page.click("#save");
      await page.locator("#status", { hasText: "changed on disk" }).waitFor();
      assert.equal(readFileSync(FILE, "utf8"), "// by others\n");
      // The refusal is a status of HTTP, which the browser notes.
      assert.ok(complaints.splice(0).every(text => text.includes("409")), "only the refusal is noted");
    },
  } : {}),
};

let failures = 0;
try {
  const page = await open(address);
  if (engine === "native") assert.match(await text(page), /pub fn sum/, "the file is there at the start");
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test(page);
      console.log(`  ok  ${engine}: ${name}`);
    } catch (error) {
      failures += 1;
      console.log(`FAIL  ${engine}: ${name}\n${error.stack}`);
    }
  }
  if (PICTURES) {
    await after(page, () => page.selectOption("#example", "dot"));
    await page.locator("section:not([hidden]) .body li", { hasText: "vfmadd231ps" }).nth(1).hover();
    for (const theme of ["light", "dark"]) {
      await page.evaluate(theme => { document.documentElement.dataset.theme = theme; }, theme);
      await page.screenshot({ path: join(PICTURES, `playground-${engine}-${theme}.png`) });
    }
  }
  if (complaints.length > 0) {
    failures += 1;
    console.log(`FAIL  ${engine}: the console has ${complaints.length} messages\n${complaints.join("\n")}`);
  }
} finally {
  await browser.close();
  stop();
  rmSync(folder, { recursive: true });
}
process.exit(failures === 0 ? 0 : 1);
