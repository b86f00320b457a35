"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const panes = { source: document.querySelector(".source"), code: document.querySelector(".code") };
const sections = all("section");
const tabs = all("nav button");
const footer = document.getElementById("live");
const hint = footer.textContent;
let section = sections[0];

// One kernel is shown at a time. Without this script, all of them are.
function choose(index) {
  section = sections[index] ?? sections[0];
  sections.forEach(other => { other.hidden = other !== section; });
  tabs.forEach((tab, i) => tab.setAttribute("aria-selected", i === index));
  const lines = new Set(all("li[data-line]", section).map(row => row.dataset.line));
  all(".source li").forEach(line => line.classList.toggle("linked", lines.has(line.dataset.line)));
  light(null);
  const first = panes.source.querySelector("li.linked");
  if (first) first.scrollIntoView({ block: "center" });
}

// Lights up a row of either pane, what belongs to it in the other one, and the registers live there.
function light(item) {
  all(".on, .current").forEach(lit => lit.classList.remove("on", "current"));
  if (!item) { footer.textContent = hint; return; }
  item.classList.add("on", "current");
  const isSource = panes.source.contains(item);
  const rows = all("li", section.querySelector(".listing"));
  const others = item.dataset.line
    ? all(`li[data-line="${item.dataset.line}"]`).filter(other => !other.closest("[hidden]"))
    : [];
  others.forEach(other => other.classList.add("on"));
  const other = others.find(other => panes.source.contains(other) !== isSource);
  if (other) other.scrollIntoView({ block: "nearest" });
  const lit = (isSource ? others.filter(other => panes.code.contains(other)) : [item])
    .map(row => rows.indexOf(row));
  const live = all("g", section).filter(group => all("rect", group).some(bar => {
    const [first, last] = bar.dataset.rows.split(" ").map(Number);
    return lit.some(row => first <= row && row <= last);
  }));
  live.forEach(group => group.classList.add("on"));
  footer.textContent = lit.length === 0 ? "no code"
    : live.length === 0 ? "no register is live"
    : `live: ${live.map(group => group.dataset.name).join(", ")}`;
}

for (const pane of Object.values(panes)) {
  pane.addEventListener("mouseover", event => {
    const item = event.target.closest("li");
    if (item) light(item);
  });
}

tabs.forEach((tab, index) => tab.addEventListener("click", () => choose(index)));

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
});

// Up and down go through the lines of a pane, left and right from one pane to the other.
document.addEventListener("keydown", event => {
  const steps = { ArrowUp: -1, ArrowDown: 1 };
  const current = document.querySelector("li.current");
  if (event.key in steps) {
    const inSource = current ? panes.source.contains(current) : document.activeElement === panes.source;
    const list = inSource ? all(".source li") : all("li", section);
    const next = list[list.indexOf(current) + steps[event.key]] ?? current ?? list[0];
    light(next);
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const pane = event.key === "ArrowLeft" ? panes.source : panes.code;
    const other = current && all("li.on", pane)[0];
    if (other) { light(other); pane.focus({ preventScroll: true }); event.preventDefault(); }
  } else if (event.key === "Escape") {
    light(null);
  }
});

choose(0);
