"use strict";
// The filters of a report. An item is an element with data-item; a filter called "status" compares its data-status, which
// holds one value or several with a bar between them. An item without that attribute is not filtered by it. A holder, such
// as a section, is hidden while all of its items are, unless it says that there are more than the page has (data-more).
// Without this script everything is shown.
(() => {
  const form = document.querySelector("form.controls");
  const items = [...document.querySelectorAll("[data-item]")].map((node) => ({ node, text: null }));
  const holders = [...document.querySelectorAll("[data-holder]")].map((node) => ({
    node, items: [...node.querySelectorAll("[data-item]")],
  })).filter((holder) => holder.items.length && !holder.node.querySelector("[data-more]"));
  const left = [...document.querySelectorAll("[data-more]")].reduce((sum, node) => sum + Number(node.dataset.more), 0);
  const output = form.querySelector("output");
  const selects = [...form.querySelectorAll("select")];
  const search = form.elements.namedItem("q");

  const matches = (item, words, chosen) => {
    for (const [name, value] of chosen) {
      const own = item.node.dataset[name];
      if (own !== undefined && !own.split("|").includes(value)) return false;
    }
    item.text ??= item.node.textContent.toLowerCase();
    return words.every((word) => item.text.includes(word));
  };

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.filter((each) => each.value).map((each) => [each.name, each.value]);
    let count = 0;
    for (const item of items) {
      item.node.hidden = !matches(item, words, chosen);
      if (!item.node.hidden) count += 1;
    }
    for (const holder of holders) holder.node.hidden = holder.items.every((node) => node.hidden);
    const number = (value) => value.toLocaleString("en");
    const rest = left ? ` (${number(left)} more are not on this page)` : "";
    output.value = words.length || chosen.length ? `${number(count)} of ${number(items.length)} shown${rest}` : "";
  };

  if (items.length > 1) {
    form.hidden = false;
    form.addEventListener("input", apply);
    form.querySelector("button").addEventListener("click", () => {
      form.reset();
      apply();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    apply(); // a browser that goes back to the page restores what was typed
  }

  // Browsers that cannot unfold on paper by style alone.
  const opened = new Set();
  addEventListener("beforeprint", () => {
    for (const node of document.querySelectorAll("details:not([open])")) {
      opened.add(node);
      node.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const node of opened) node.open = false;
    opened.clear();
  });
})();
