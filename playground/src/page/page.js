
// The page: the source beside the listing.
const source = document.querySelector(".source");
const code = document.querySelector(".code");
const lines = () => [...source.querySelectorAll("li")];
const lit = () => source.querySelector("li.current");

const listing = new Listing(code, document.querySelector("nav"), document.getElementById("live"), line => {
  lines().forEach(other => other.classList.remove("on", "current"));
  const item = line && source.querySelector(`li[data-line="${line}"]`);
  item?.classList.add("on");
  item?.scrollIntoView({ block: "nearest" });
});

function pointAtLine(item) {
  lines().forEach(other => other.classList.remove("on", "current"));
  listing.line(item.dataset.line);
  item.classList.add("on", "current");
}

source.addEventListener("mouseover", event => {
  const item = event.target.closest("li");
  if (item) pointAtLine(item);
});

code.addEventListener("click", event => {
  const message = event.target.closest(".messages li");
  const item = message && source.querySelector(`li[data-line="${message.dataset.line}"]`);
  item?.scrollIntoView({ block: "center" });
});

// Up and down go through the lines of a pane, left and right from one pane to the other.
document.addEventListener("keydown", event => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const row = code.querySelector("li.current");
  if (step) {
    const isInSource = lit() !== null || !row && document.activeElement === source;
    const all = isInSource ? lines() : listing.rows();
    const next = all[all.indexOf(lit() ?? row) + step] ?? lit() ?? row ?? all[0];
    if (!next) return;
    if (isInSource) pointAtLine(next); else listing.point(next, false);
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  } else if (event.key === "ArrowLeft" && row) {
    const item = source.querySelector("li.on");
    if (item) { pointAtLine(item); source.focus({ preventScroll: true }); event.preventDefault(); }
  } else if (event.key === "ArrowRight" && lit()) {
    const next = listing.rows().find(other => other.classList.contains("on"));
    if (next) { listing.point(next, false); code.focus({ preventScroll: true }); event.preventDefault(); }
  } else if (event.key === "Escape") {
    lines().forEach(other => other.classList.remove("on", "current"));
    listing.clear();
  }
});

themeButton(document.getElementById("theme"));
listing.choose(0);
(source.querySelector("li.wrong") ?? source.querySelector("li.joined"))?.scrollIntoView({ block: "center" });
