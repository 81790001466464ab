"use strict";
// Without this the page says the same; no "less than" here, as parsers of index clients may look into scripts.
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const make = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const byId = id => document.getElementById(id);

  // What leads anywhere but to a file or a project: clients take every link in the source for one of those.
  for (const each of all("[data-go]")) {
    const link = make("a", "");
    link.href = each.dataset.go;
    link.append(...each.childNodes);
    each.replaceWith(link);
  }
  if (location.protocol === "file:") {
    for (const link of document.links) if (link.protocol === "file:" && link.href.endsWith("/")) link.href += "index.html";
    for (const code of all('[data-copy$="Poetry"]')) {
      code.replaceWith(make("span", "Poetry does not read an index from files. Open this page on a server."));
    }
  }

  // The URL under which this page was opened, in the commands; quoted if a shell would read anything else into it.
  const url = new URL(document.querySelector("main").dataset.index, location.href).href;
  const plain = /^[\w:/.~%-]+$/.test(url) || byId("install") === null;
  for (const each of all(".index")) each.textContent = plain ? url : `'${url.replaceAll("'", "%27")}'`;

  // Over http pip and PDM use an index on another machine only if they are asked to trust it.
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(location.hostname);
  if (location.protocol === "http:" && !isLocal) {
    for (const each of all("[data-http]")) each.textContent = each.dataset.http.replace("HOST", location.hostname);
  }

  // Copying works without https as well, where there is no clipboard for scripts.
  const copy = async code => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  };
  for (const code of all("[data-copy]")) {
    const button = make("button", "Copy");
    button.setAttribute("aria-label", `Copy the ${code.dataset.copy}`);
    button.setAttribute("aria-live", "polite");
    button.onclick = async () => {
      button.textContent = (await copy(code)) ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    };
    code.after(button);
  }

  // The filter: words that the name must contain, in any order.
  const filter = byId("filter"), corrected = byId("corrected");
  if (filter === null) return;
  const rows = all(".files li, .projects li").map(row => [row, row.querySelector("a").textContent.toLowerCase()]);
  const groups = all(".version").map(group => [group, all(".files li", group), all(".why", group)]);
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const [row, name] of rows) {
      const fits = words.every(word => name.includes(word)) && !(corrected?.checked && !row.matches(".corrected"));
      row.hidden = !fits;
      count += fits;
    }
    for (const [group, own, why] of groups) {
      group.hidden = own.every(row => row.hidden);
      for (const each of why) each.hidden = own.every(row => row.hidden || !row.matches(".corrected"));
    }
    byId("matches").textContent = count === rows.length ? "" : `${count} of ${rows.length} shown`;
  };
  filter.oninput = apply;
  if (corrected !== null) corrected.onchange = apply;
  // Browsers keep what was typed when a page is opened again.
  apply();
})();
