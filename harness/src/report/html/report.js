
"use strict";
const words = document.getElementById("words"), shown = document.getElementById("shown");
const buttons = [...document.querySelectorAll("button[data-verdict]")];
const cases = [...document.querySelectorAll("details.case")];
function filter() {
  const off = new Set(buttons.filter(b => b.getAttribute("aria-pressed") === "false").map(b => b.dataset.verdict));
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const one of cases) {
    const fits = !off.has(one.dataset.verdict) && wanted.every(word => one.dataset.text.includes(word));
    one.hidden = !fits;
    count += fits;
  }
  shown.textContent = count + " of " + cases.length + " cases";
}
for (const button of buttons) {
  button.addEventListener("click", event => {
    if (event.shiftKey || event.altKey) {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    } else {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
    }
    filter();
  });
}
words.addEventListener("input", filter);
filter();
