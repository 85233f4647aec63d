
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const form = document.getElementById("filters"), dialog = document.getElementById("dialog");
  const table = document.querySelector("table"), cells = all("[data-axes]");
  for (const cell of cells) cell.axes = JSON.parse(cell.dataset.axes);

  // Hide what does not match, then lines, columns and headings with nothing left.
  function filter() {
    const wanted = all("select", form).filter((s) => s.value !== "*");
    const fits = (cell) => wanted.every((s) => (cell.axes[s.name] || "") === s.value);
    const gone = (e, is) => e.toggleAttribute("data-gone", is);
    for (const cell of cells) cell.tagName === "TD" ? cell.classList.toggle("off", !fits(cell)) : gone(cell, !fits(cell));
    const seen = (cell) => cell.axes && !cell.classList.contains("off");
    const rows = all("tbody tr", table), heads = all("thead tr:last-child th", table);
    for (const row of rows) gone(row, ![...row.cells].some(seen));
    const spans = {};
    heads.forEach((head, i) => {
      const hide = !rows.some((row) => seen(row.cells[i + 1]));
      gone(head, hide);
      for (const row of rows) gone(row.cells[i + 1], hide);
      spans[head.dataset.mpm] = (spans[head.dataset.mpm] || 0) + !hide;
    });
    for (const head of all("th[scope=colgroup]", table)) {
      gone(head, !spans[head.textContent]);
      head.colSpan = spans[head.textContent] || 1;
    }
    for (const part of all("section, #others")) gone(part, all(".cell", part).every((e) => e.hasAttribute("data-gone")));
    const tds = cells.filter((c) => c.tagName === "TD");
    document.getElementById("shown").textContent = `${tds.filter(fits).length} of ${tds.length} cells`;
  }

  // What a link of the table leads to is shown above it.
  function open(anchor) {
    const body = anchor && document.getElementById(anchor);
    if (!body || !body.classList.contains("body")) return;
    document.getElementById("dialog-title").replaceChildren(...[...body.parentElement.querySelector("summary").children].filter((e) => !e.classList.contains("what")).flatMap((e) => [e.cloneNode(true), " "]));
    const copy = body.cloneNode(true);
    copy.removeAttribute("id");
    for (const command of all("pre.command", copy)) offer(command);
    dialog.className = body.parentElement.className.replace("cell ", "");
    document.getElementById("dialog-body").replaceChildren(copy);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  }

  // A button that copies a command.
  function offer(command) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(command);
        button.textContent = "Selected";
      }
    });
    command.before(button);
  }

  // Arrow keys go through the cells of the table.
  function move(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const td = event.target.closest && event.target.closest("td");
    if (!step || !td) return;
    const rows = all("tbody tr:not([data-gone])", table);
    let y = rows.indexOf(td.parentElement), x = td.cellIndex;
    for (;;) {
      y += step[0]; x += step[1];
      const next = rows[y] && rows[y].cells[x];
      if (!next) return;
      const link = next.classList.contains("off") || next.hasAttribute("data-gone") ? null : next.querySelector("a");
      if (link) { link.focus(); event.preventDefault(); return; }
    }
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
  table.addEventListener("keydown", move);
  table.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(null, "", link.hash);
    open(link.hash.slice(1));
  });
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
  addEventListener("hashchange", () => open(decodeURIComponent(location.hash.slice(1))));
  open(decodeURIComponent(location.hash.slice(1)));
})();
