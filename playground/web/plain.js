"use strict";
// The editor where no other was bundled: a field for text, with the same functions.
globalThis.createEditor = (parent, { changed, entered }) => {
  const field = parent.appendChild(document.createElement("textarea"));
  field.setAttribute("aria-label", "Kernels");
  field.spellcheck = false;
  let line = 0;
  const place = () => {
    const now = field.value.slice(0, field.selectionStart).split("\n").length;
    if (now !== line) entered(now);
    line = now;
  };
  field.addEventListener("input", changed);
  ["keyup", "click"].forEach(name => field.addEventListener(name, place));
  return {
    text: () => field.value,
    setText: text => { field.value = text; changed(); },
    setColors: () => {},
    setJoined: () => {},
    setMessages: messages => field.setAttribute("aria-invalid", messages.some(message => message.severity === "error")),
    goTo: ([number, column]) => {
      const before = field.value.split("\n").slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
      field.setSelectionRange(before + column, before + column);
      field.focus();
    },
    focus: () => field.focus(),
  };
};
