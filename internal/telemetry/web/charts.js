// Charts of one time axis: lines or bars of a column for each second, drawn as
// SVG. A second of which nothing is known is a gap. What a chart says is there as
// text, too: of the last second, or of the one that the pointer or the arrow keys
// chose.
"use strict";

const svgName = "http://www.w3.org/2000/svg";

function draw(name, attributes, parent, text) {
  const e = document.createElementNS(svgName, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.append(e);
  return e;
}

// The least of 1, 2, 2.5 and 5 times a power of ten, of a power of base where
// there is one, that is not below x.
function nice(x, base) {
  if (base && x >= base) return nice(x / base, base) * base;
  const power = 10 ** Math.floor(Math.log10(x));
  return [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= x * 0.999);
}

// ago is how a person says so many seconds.
function ago(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 130000 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

// Chart is one of them. Its lines are {label, column, style, bars, area}; format
// turns a value into text, and least is the least that the axis goes up to.
class Chart {
  constructor(place, title, format, lines, choose, least) {
    Object.assign(this, {title, format, lines, choose, least: least || 0});
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const heading = document.createElement("h2");
    heading.textContent = title;
    this.when = document.createElement("time");
    this.list = document.createElement("ul");
    for (const line of lines) {
      const item = document.createElement("li");
      const key = draw("svg", {viewBox: "0 0 26 10", "aria-hidden": "true"}, item);
      draw("path", {class: line.style, d: "M1 5H25"}, key);
      line.text = document.createElement("span");
      item.append(line.text);
      this.list.append(item);
    }
    caption.append(heading, this.list, this.when);
    this.svg = draw("svg", {tabindex: "0", role: "img", "aria-label": title});
    figure.append(caption, this.svg);
    place.append(figure);
    this.svg.addEventListener("pointermove", (e) => this.point(e));
    this.svg.addEventListener("pointerdown", (e) => this.point(e));
    this.svg.addEventListener("pointerleave", () => choose(null));
    this.svg.addEventListener("keydown", (e) => this.key(e));
    new ResizeObserver(() => this.view && this.show(this.view)).observe(this.svg);
  }

  point(e) {
    if (!this.view) return;
    const box = this.svg.getBoundingClientRect();
    const share = (e.clientX - box.left - this.left) / (box.width - this.left - 4);
    this.choose(Math.round(this.view.first + share * (this.view.last - this.view.first)));
  }

  key(e) {
    if (!this.view) return;
    const at = this.view.chosen ?? this.view.last;
    const to = {ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 10, PageDown: at + 10, Home: this.view.first, End: this.view.last, Escape: null}[e.key];
    if (to === undefined) return;
    e.preventDefault();
    this.choose(to);
  }

  // show draws view: rows by second, from first to last, and the chosen one.
  show(view) {
    this.view = view;
    const width = this.svg.clientWidth || 360, height = this.svg.clientHeight || 160;
    this.left = 52;
    const right = width - 4, top = 8, bottom = height - 18;
    let most = this.least;
    const rows = [];
    for (let n = view.first; n <= view.last; n++) {
      const row = view.rows.get(n);
      rows.push(row);
      for (const line of this.lines) if (row && row[line.column] > most) most = row[line.column];
    }
    most = most > 0 ? nice(most, this.format.base) : 1;
    const x = (i) => this.left + (right - this.left) * (rows.length > 1 ? i / (rows.length - 1) : 1);
    const y = (value) => bottom - (bottom - top) * value / most;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const share of [0, 0.5, 1]) {
      draw("path", {class: "grid", "stroke-width": 1, d: `M${this.left} ${y(most * share)}H${right}`}, this.svg);
      draw("text", {x: this.left - 6, y: y(most * share) + 4, "text-anchor": "end"}, this.svg, this.format(most * share));
    }
    draw("text", {x: this.left, y: height - 4}, this.svg, `${ago(view.last - view.first + view.behind)} ago`);
    draw("text", {x: right, y: height - 4, "text-anchor": "end"}, this.svg, view.behind > 4 ? `${ago(view.behind)} ago` : "now");
    for (const line of this.lines) this.line(line, rows, x, y, bottom);
    if (view.chosen !== null) {
      draw("path", {class: "cursor", "stroke-width": 1, d: `M${x(view.chosen - view.first)} ${top}V${bottom}`}, this.svg);
    }
    this.say(view);
  }

  line(line, rows, x, y, bottom) {
    let path = "", area = "", begun = -1;
    rows.forEach((row, i) => {
      const value = row ? row[line.column] : null;
      if (line.bars) {
        if (value > 0) path += `M${x(i).toFixed(1)} ${bottom}V${y(value).toFixed(1)}`;
        return;
      }
      if (value === null || value === undefined) {
        begun = -1;
        return;
      }
      const at = `${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
      path += begun < 0 ? `M${at}h.01` : `L${at}`;
      area += begun < 0 ? `M${x(i).toFixed(1)} ${bottom}L${at}` : `L${at}`;
      if (begun < 0) begun = i;
      const next = rows[i + 1] && rows[i + 1][line.column];
      if (next === null || next === undefined) area += `V${bottom}Z`;
    });
    if (line.area && area) draw("path", {class: "area", d: area}, this.svg);
    if (path) draw("path", {class: line.style + (line.bars ? " bars" : ""), d: path}, this.svg);
  }

  say(view) {
    const row = view.rows.get(view.chosen ?? view.last);
    const texts = this.lines.map((line) => {
      const value = row ? row[line.column] : null;
      return `${line.label} ${value === null || value === undefined ? "–" : this.format(value)}`;
    });
    this.lines.forEach((line, i) => { line.text.textContent = texts[i]; });
    const when = view.chosen === null ? "" : `${ago(view.last - view.chosen + view.behind)} ago`;
    this.when.textContent = when;
    this.svg.setAttribute("aria-label", `${this.title}: ${texts.join(", ")}${when ? ", " + when : ""}`);
  }
}
