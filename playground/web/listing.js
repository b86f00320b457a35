"use strict";
// The kernels of a page: one is shown at a time, and a row that is pointed at lights up with what
// belongs to it. Without this script, all of them are shown.
class Listing {
  // `code` is the pane that holds the sections, `tabs` their tabs' list, `live` the line that says
  // which registers are live; `joined` is told which line of the source is lit.
  constructor(code, tabs, live, joined = () => {}) {
    Object.assign(this, { code, tabs, live, joined, section: null, hint: live.textContent });
    this.card = document.createElement("div");
    this.card.id = "card";
    this.card.hidden = true;
    document.body.append(this.card);
    code.addEventListener("mouseover", event => {
      const row = event.target.closest("section li");
      if (row) this.point(row, true);
    });
    code.addEventListener("mouseleave", () => { this.card.hidden = true; });
    code.addEventListener("scroll", () => { this.card.hidden = true; }, { passive: true });
    tabs.addEventListener("click", event => {
      const tab = event.target.closest("[role=tab]");
      if (tab) this.choose(Number(tab.dataset.kernel));
    });
    tabs.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const all = this.all("[role=tab]", tabs);
      const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
      next.click();
      next.focus();
      event.stopPropagation();
      event.preventDefault();
    });
  }

  all(selector, root) { return root ? [...root.querySelectorAll(selector)] : []; }

  rows() { return this.all(".body > ol > li", this.section); }

  // Shows the section of this number, or the first.
  choose(index) {
    const sections = this.all("section", this.code);
    this.section = sections[index] ?? sections[0] ?? null;
    sections.forEach(other => { other.hidden = other !== this.section; });
    this.all("[role=tab]", this.tabs).forEach(tab => {
      const isChosen = this.section !== null && tab.dataset.kernel === this.section.dataset.kernel;
      tab.setAttribute("aria-selected", isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
    });
    this.clear();
    this.joined(null, this);
  }

  clear() {
    this.all(".on, .current", this.code).forEach(lit => lit.classList.remove("on", "current"));
    this.card.hidden = true;
    this.live.textContent = this.hint;
  }

  // Lights up a row, the other rows of its line, and what is live there.
  point(row, withCard) {
    this.clear();
    const line = row.dataset.line;
    if (line) this.rowsOf(line).forEach(other => other.classList.add("on"));
    row.classList.add("on", "current");
    this.show([row]);
    if (withCard) this.describe(row);
    this.joined(line ?? null, this);
  }

  // Lights up all rows of a line of the source, and gives them.
  line(line) {
    this.clear();
    const lit = this.rowsOf(line);
    lit.forEach(row => row.classList.add("on"));
    lit[0]?.scrollIntoView({ block: "nearest" });
    this.show(lit);
    return lit;
  }

  rowsOf(line) { return this.rows().filter(row => row.dataset.line === line); }

  // Says and lights up what is live on rows, and the jumps that start or end there.
  show(rows) {
    const all = this.rows();
    const lit = new Set(rows.map(row => all.indexOf(row)));
    const isLit = (first, last) => [...lit].some(row => first <= row && row <= last);
    const live = this.all("g[data-name]", this.section).filter(group =>
      this.all("rect", group).some(bar => isLit(...bar.dataset.rows.split(" ").map(Number))));
    live.forEach(group => group.classList.add("on"));
    const heads = this.all(".heads text", this.section);
    live.forEach(group => heads[group.dataset.range]?.classList.add("on"));
    this.all(".jumps path", this.section)
      .filter(path => lit.has(Number(path.dataset.from)) || lit.has(Number(path.dataset.to)))
      .forEach(path => path.classList.add("on"));
    this.live.textContent = lit.size === 0 ? "no code"
      : live.length === 0 ? "no register is live"
      : `live: ${live.map(group => group.dataset.name).join(", ")}`;
  }

  // The card of an instruction: what it does, its form, what it reads and writes, what it costs.
  describe(row) {
    const { does, form, uses, cost } = row.dataset;
    if (!does) return;
    const part = (text, tag) => {
      const p = document.createElement("p");
      const inner = tag ? p.appendChild(document.createElement(tag)) : p;
      inner.textContent = text;
      return p;
    };
    const parts = [part(does), part(form, "code")];
    if (uses) parts.push(part(uses));
    if (cost) parts.push(part(cost));
    this.card.replaceChildren(...parts);
    this.card.hidden = false;
    const place = row.querySelector("code").getBoundingClientRect();
    const { width, height } = this.card.getBoundingClientRect();
    const isBelow = place.bottom + height + 8 < innerHeight;
    this.card.style.top = `${isBelow ? place.bottom + 4 : place.top - height - 4}px`;
    this.card.style.left = `${Math.max(4, Math.min(place.left, innerWidth - width - 8))}px`;
  }
}

// Light or dark, by a button; the system's choice until then.
function themeButton(button, chosen = () => {}) {
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    chosen(root.dataset.theme);
  });
}
