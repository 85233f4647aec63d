// The page: follows /events, keeps the seconds that came, and shows them. Texts
// of requests are put in as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);

// Formats.
const count = (x) => x >= 1e7 ? `${(x / 1e6).toFixed(1)} M` : Math.round(x).toLocaleString("en");
const number = (x) => x >= 1000 ? Math.round(x).toLocaleString("en") : String(Number(x.toPrecision(3)));
const seconds = (x) => x < 0 ? "–" : x < 0.9995 ? `${Number((x * 1000).toPrecision(3))} ms` : `${Number(x.toPrecision(3))} s`;
const bytes = (x) => {
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (x >= size) return `${Number((x / size).toPrecision(3))} ${unit}`;
  }
  return `${x} B`;
};
bytes.base = 1024;
const percent = (x) => `${Math.round(x * 100)} %`;
const known = (format) => (x) => x === null || x === undefined ? "–" : format(x);

const state = {epoch: "", rows: new Map(), shot: null, chosen: null, heard: 0, connected: false, paused: false};
const column = {};
["slot", "requests", "errors", "p50", "p95", "p99", "busy", "threads", "gil", "pause", "memory", "cpu", "starts", "ends"]
  .forEach((name, i) => { column[name] = i; });

const charts = [
  ["Requests per second", number, [
    {label: "all", column: column.requests, style: "one", area: true}, {label: "status 5xx", column: column.errors, style: "three"}]],
  ["Latency", seconds, [
    {label: "p50", column: column.p50, style: "one"}, {label: "p95", column: column.p95, style: "two"}, {label: "p99", column: column.p99, style: "three"}]],
  ["Capacity, threads", number, [
    {label: "busy", column: column.busy, style: "one", area: true}, {label: "there are", column: column.threads, style: "two"}]],
  ["Python's lock and collector", seconds, [
    {label: "GIL wait of a request", column: column.gil, style: "one"}, {label: "collector, per second", column: column.pause, style: "two"}], 0.001],
  ["Memory", bytes, [{label: "resident", column: column.memory, style: "one", area: true}]],
  ["Processor time", number, [{label: "processors", column: column.cpu, style: "one", area: true}]],
  ["Starts and ends of processes", number, [
    {label: "started", column: column.starts, style: "one", bars: true}, {label: "ended", column: column.ends, style: "three", bars: true}]],
].map(([title, format, lines, least]) => new Chart(byId("charts"), title, format, lines, choose, least));

function choose(second) {
  state.chosen = second;
  show();
}

// Tables: [title, what is in a cell, class of it].
const tables = {
  slow: ["No request has been slow. WSGISlowRequests (--slow-requests) says from when on one is.", [
    ["State", (r) => r.state], ["Took", (r) => seconds(r.duration), "number"], ["Request", (r) => `${r.method} ${r.url}`, "long"],
    ["Status", (r) => r.status || "–", "number", (r) => r.status >= 500], ["Application", (r) => seconds(r.application), "number"],
    ["Queue", (r) => seconds(r.queue), "number"], ["GIL wait", (r) => seconds(r.gil), "number"], ["CPU", (r) => seconds(r.cpu), "number"],
    ["Group", (r) => r.group], ["Process", (r) => r.pid, "number"], ["Client", (r) => r.client], ["Agent", (r) => r.agent || ""],
    ["Log id", (r) => r.log_id], ["Told", (r) => `${ago(r.ago)} ago`, "number"]]],
  processes: ["No process has told of itself yet.", [
    ["Process", (r) => r.pid, "number"], ["Group", (r) => r.group || "Apache's children"], ["State", (r) => r.state, "", (r) => r.state === "ended"],
    ["Known for", (r) => ago(r.age), "number"], ["Requests", (r) => count(r.requests), "number"], ["Per second", (r) => number(r.rate), "number"],
    ["p95", (r) => known(seconds)(r.p95), "number"], ["Busy", (r) => `${number(r.busy)} of ${r.threads}`, "number"], ["Memory", (r) => bytes(r.memory), "number"],
    ["CPU", (r) => percent(r.cpu), "number"], ["Python", (r) => r.python || "–"], ["Apache", (r) => [r.apache, r.mpm].filter(Boolean).join(", ") || "–"]]],
  ends: ["None.", [
    ["Process", (r) => r.pid, "number"], ["Group", (r) => r.group || "Apache's children"], ["Why", (r) => r.reason || "stopped"],
    ["Ran", (r) => ago(r.uptime), "number"], ["Requests", (r) => count(r.requests), "number"],
    ["Cut off", (r) => r.active, "number", (r) => r.active > 0], ["When", (r) => `${ago(r.ago)} ago`, "number"]]],
};

// put gives an element a text, and leaves alone what has it: a selection stays.
function put(element, text, style) {
  if (element.textContent !== String(text)) element.textContent = text;
  if (element.className !== style) element.className = style;
}

// sized makes parent have n children of a kind.
function sized(parent, n, kind) {
  while (parent.children.length > n) parent.lastElementChild.remove();
  while (parent.children.length < n) parent.append(document.createElement(kind));
  return parent.children;
}

function fill(id, rows) {
  const table = byId(id), [empty, columns] = tables[id];
  if (!table.tHead) {
    const head = table.createTHead().insertRow();
    for (const [title, , style] of columns) {
      const th = document.createElement("th");
      th.scope = "col";
      put(th, title, style || "");
      head.append(th);
    }
    table.createTBody();
  }
  const body = table.tBodies[0];
  const lines = sized(body, Math.max(rows.length, 1), "tr");
  if (rows.length === 0) {
    const [cell] = sized(lines[0], 1, "td");
    cell.colSpan = columns.length;
    put(cell, empty, "empty");
    return;
  }
  rows.forEach((row, i) => {
    const cells = sized(lines[i], columns.length, "td");
    columns.forEach(([, text, style, bad], j) => {
      cells[j].removeAttribute("colspan");
      put(cells[j], text(row), bad && bad(row) ? `${style || ""} bad` : style || "");
    });
  });
}

// figures are the numbers at the top: counted since this service began, or of the
// last second that is complete.
function figures(shot, row) {
  const at = (name) => row ? row[column[name]] : null;
  const list = [
    ["requests", "Requests", count(shot.series.requests)],
    ["rate", "Per second", known(number)(at("requests"))],
    ["p95", "95 % within", known(seconds)(at("p95"))],
    ["busy", "Busy threads", at("threads") === null ? "–" : `${number(at("busy"))} of ${number(at("threads"))}`],
    ["memory", "Memory", known(bytes)(at("memory"))],
    ["errors", "Status 5xx", count(shot.series.status[4])],
    ["slow", "Slow requests", count(shot.series.slow)],
    ["restarts", "Starts / ends", `${shot.series.starts} / ${shot.series.ends}`],
  ];
  const boxes = sized(byId("figures"), list.length, "div");
  list.forEach(([id, title, value], i) => {
    if (!boxes[i].id) {
      boxes[i].id = `figure-${id}`;
      boxes[i].append(document.createElement("dt"), document.createElement("dd"));
    }
    put(boxes[i].firstChild, title, "");
    put(boxes[i].lastChild, value, "");
  });
}

// offer lists the series, and keeps the one that is chosen.
function offer(list) {
  const select = byId("series"), chosen = select.value;
  const keys = JSON.stringify(list.map((s) => [s.key, s.label]));
  if (select.dataset.keys === keys) return;
  select.dataset.keys = keys;
  select.replaceChildren(...list.map((s) => new Option(s.label, s.key, false, s.key === chosen)));
  if (select.value !== chosen) follow();
}

function show() {
  const shot = state.shot;
  if (!shot) return;
  const last = shot.slot - shot.behind;
  const first = Math.max(last - Number(byId("range").value) + 1, shot.slot - 599);
  if (state.chosen !== null) state.chosen = Math.min(Math.max(state.chosen, first), last);
  const view = {rows: state.rows, first, last, behind: shot.behind, chosen: state.chosen};
  for (const chart of charts) chart.show(view);
  figures(shot, state.rows.get(last));
  fill("slow", shot.slow);
  fill("processes", shot.processes);
  fill("ends", shot.ends);
  const n = shot.intake;
  put(byId("intake"), `${count(n.datagrams)} datagrams; ${count(n.lost)} lost on the way, ${count(n.refused)} refused` +
    (n.why ? ` (the last: ${n.why})` : "") + (n.unlisted ? `; ${count(n.unlisted)} of processes beyond those listed` : ""), "");
}

// take puts what came to what is there. Numbers of seconds begin anew when the
// service does.
function take(shot) {
  if (shot.epoch !== state.epoch || state.shot && shot.slot < state.shot.slot) {
    state.rows.clear();
    state.epoch = shot.epoch;
    state.chosen = null;
  }
  for (const row of shot.points) state.rows.set(row[0], row);
  for (const n of state.rows.keys()) {
    if (n > shot.slot - 600) break;
    state.rows.delete(n);
  }
  state.heard = performance.now();
  if (state.paused) return;
  state.shot = shot;
  offer(shot.list);
  show();
}

// tell says how things are, when that has changed.
function tell() {
  const silent = state.shot ? state.shot.intake.silent : -1;
  let text = "Live", kind = "live";
  if (!state.connected || performance.now() - state.heard > 5000) [text, kind] = ["No connection to the telemetry service; trying again", "lost"];
  else if (state.paused) [text, kind] = ["Paused", "wait"];
  else if (silent < 0) [text, kind] = ["Nothing has arrived yet", "wait"];
  else if (silent > 5 + 2 * state.shot.behind) [text, kind] = ["Connected, but no server tells of itself now", "wait"];
  const place = byId("state");
  place.dataset.state = kind;
  if (place.textContent !== text) place.textContent = text;
}

let source = null;
function follow() {
  if (source) source.close();
  state.rows.clear();
  state.shot = null;
  source = new EventSource(`events?series=${encodeURIComponent(byId("series").value)}`);
  source.onmessage = (e) => {
    state.connected = true;
    take(JSON.parse(e.data));
    tell();
  };
  source.onerror = () => {
    state.connected = false;
    tell();
    // A browser gives up where it was told to come later.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => source.readyState === EventSource.CLOSED && follow(), 5000);
  };
}

byId("series").addEventListener("change", () => {
  state.paused = false;
  byId("pause").setAttribute("aria-pressed", "false");
  follow();
});
byId("range").addEventListener("change", show);
byId("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  byId("pause").setAttribute("aria-pressed", String(state.paused));
  tell();
});
byId("controls").addEventListener("submit", (e) => e.preventDefault());
setInterval(tell, 1000);
follow();
