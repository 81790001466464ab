"use strict";

/* What furo and Sphinx leave out for the keyboard and for screen readers. A page is complete without it. */
const give = (selector, attributes) => {
  for (const element of document.querySelectorAll(selector)) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  }
};

/* What is wider than the screen scrolls sideways; the arrow keys do that where it can have the focus. */
const reachable = () => {
  for (const element of document.querySelectorAll("article pre, article .table-wrapper")) {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
};

document.addEventListener("DOMContentLoaded", () => {
  give(".sidebar-tree .caption[role=heading]", { "aria-level": "2" });
  give(".sidebar-drawer", { "aria-label": "Pages" });
  give(".toc-drawer", { "aria-label": "On this page" });
  give(".content-icon-container", { role: "region", "aria-label": "This page" });
  if (!document.querySelector("h1")) {
    const title = document.createElement("h1"); // the page of the search has none
    title.textContent = "Search";
    document.querySelector("article").prepend(title);
  }
  reachable();
  window.addEventListener("resize", reachable);
});
