// Plots as SVG, with the same as a table behind each; at most 2,000 points are drawn.
import { el, percent, quantity, svg } from "/static/page.js";

const W = 560, H = 300, L = 52, R = 548, T = 14, B = 262;
const MARKS = ["circle", "triangle", "square", "diamond"];
export const colour = (k) => `var(--c${k % 8})`;

export function mark(kind, x, y, size, attributes = {}) {
  const s = size;
  const paths = {
    circle: `M${x - s} ${y}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0`,
    triangle: `M${x} ${y - s * 1.2}L${x + s * 1.1} ${y + s * 0.8}L${x - s * 1.1} ${y + s * 0.8}Z`,
    square: `M${x - s * 0.9} ${y - s * 0.9}h${s * 1.8}v${s * 1.8}h${-s * 1.8}Z`,
    diamond: `M${x} ${y - s * 1.25}L${x + s * 1.25} ${y}L${x} ${y + s * 1.25}L${x - s * 1.25} ${y}Z`,
  };
  return svg("path", { d: paths[kind], ...attributes });
}

function ticks(low, high, log) {
  if (log) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const step of [1, 2, 5]) { const v = step * 10 ** power; if (v >= low && v <= high) found.push(v); }
    }
    if (found.length < 3) return ticks(low, high, false).filter((v) => v > 0);
    return found.length > 7 ? found.filter((v) => /^1/.test(v.toExponential())) : found;
  }
  const raw = (high - low) / 5 || 1, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) found.push(Number(v.toPrecision(8)));
  return found;
}

function scale(values, start, end, log) {
  let low = Math.min(...values), high = Math.max(...values);
  if (log) { low = Math.max(low * 0.8, 1e-9); high *= 1.25; } else { const pad = (high - low || Math.abs(high) || 1) * 0.08; low -= pad; high += pad; }
  const bend = log ? Math.log10 : (v) => v;
  const to = (v) => start + ((bend(v) - bend(low)) / (bend(high) - bend(low) || 1)) * (end - start);
  return Object.assign(to, { low, high, ticks: ticks(low, high, log) });
}

function frame(x, y, sayX, sayY, label) {
  const made = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label });
  for (const v of y.ticks) {
    made.append(svg("line", { x1: L, x2: R, y1: y(v), y2: y(v), class: "axis" }), svg("text", { x: L - 6, y: y(v) + 4, "text-anchor": "end" }, sayY(v)));
  }
  let before = "";
  for (const v of x.ticks) {
    if (sayX(v) !== before) made.append(svg("text", { x: x(v), y: B + 18, "text-anchor": "middle" }, sayX(v)));
    before = sayX(v);
  }
  made.append(svg("line", { x1: L, x2: R, y1: B, y2: B, class: "axis" }));
  return made;
}

export function show(box, drawn, head, rows, empty) {
  const open = box.querySelector("details")?.open || false;
  if (!drawn) { box.replaceChildren(el("p", { class: "empty" }, empty)); return; }
  const table = el("table", {}, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.slice(-500).map((row) => el("tr", {}, row.map((cell) => el("td", {}, String(cell)))))));
  const details = el("details", {}, el("summary", {}, "As a table"), el("div", { class: "scroll tall", tabindex: 0 }, table));
  details.open = open;
  box.replaceChildren(...[drawn].flat(), details);
}

// points: {x, y, group, label, interval?}; limit: of x.
export function scatter(box, points, { name, limit, empty, yName = "accuracy" }) {
  const kept = points.filter((p) => p.x > 0 && p.y !== null && p.y !== undefined);
  if (!kept.length) { show(box, null, [], [], empty); return []; }
  const some = kept.length > 2000 ? kept.filter((_, k) => k % Math.ceil(kept.length / 2000) === 0) : kept;
  const x = scale([...kept.map((p) => p.x), ...(limit ? [limit] : [])], L, R, true);
  const y = scale(kept.flatMap((p) => p.interval || [p.y]), B, T, false);
  const groups = [...new Set(kept.map((p) => p.group))];
  const made = frame(x, y, (v) => quantity(name, v), (v) => percent(v, 0), `${kept.length} networks, ${yName} against ${name}`);
  if (limit) made.append(svg("line", { x1: x(limit), x2: x(limit), y1: T, y2: B, class: "limit" }), svg("text", { x: x(limit) - 4, y: T + 10, "text-anchor": "end", class: "limit" }, "budget"));
  const front = [];
  for (const p of [...kept].sort((a, b) => a.x - b.x || b.y - a.y)) if (!front.length || p.y > front.at(-1).y) front.push(p);
  let path = "";
  front.forEach((p, k) => { path += k ? `H${x(p.x)}V${y(p.y)}` : `M${x(p.x)} ${y(p.y)}`; });
  made.append(svg("path", { d: path, class: "front" }));
  for (const p of some) {
    const k = groups.indexOf(p.group);
    if (p.interval) made.append(svg("line", { x1: x(p.x), x2: x(p.x), y1: y(p.interval[0]), y2: y(p.interval[1]), stroke: colour(k), "stroke-width": 1.5 }));
    made.append(mark(MARKS[k % 4], x(p.x), y(p.y), p.big ? 6 : 4, { fill: colour(k), "fill-opacity": 0.75, stroke: "var(--card)" }));
    made.lastChild.append(svg("title", {}, p.label));
    if (p.text) made.append(svg("text", { x: x(p.x) + 8, y: y(p.y) - 6 }, p.text));
  }
  const legend = el("p", { class: "legend" }, groups.map((group, k) => el("span", {}, svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, mark(MARKS[k % 4], 7, 7, 5, { fill: colour(k) })), ` ${group}`)));
  show(box, [made, legend], ["network", name, yName], kept.map((p) => [p.label, quantity(name, p.x), percent(p.y)]), empty);
  return front;
}

// lines: {name, points: [[x, y], ...], steps?}
export function curves(box, lines, { sayX, sayY, xName, yName, empty }) {
  const kept = lines.filter((line) => line.points.length);
  if (!kept.length) { show(box, null, [], [], empty); return; }
  const all = kept.flatMap((line) => line.points);
  const x = scale(all.map((p) => p[0]), L, R, false), y = scale(all.map((p) => p[1]), B, T, false);
  const made = frame(x, y, sayX, sayY, `${yName} over ${xName}: ${kept.map((line) => line.name).join(", ")}`);
  kept.forEach((line, k) => {
    const every = Math.ceil(line.points.length / 1000);
    let path = "";
    line.points.forEach((p, at) => {
      if (at % every && at !== line.points.length - 1) return;
      path += !path ? `M${x(p[0])} ${y(p[1])}` : line.steps ? `H${x(p[0])}V${y(p[1])}` : `L${x(p[0])} ${y(p[1])}`;
    });
    const last = line.points.at(-1);
    made.append(svg("path", { d: path, fill: "none", stroke: colour(k), "stroke-width": 2, "stroke-dasharray": line.dashed ? "5 4" : null }), mark(MARKS[k % 4], x(last[0]), y(last[1]), 4, { fill: colour(k) }));
  });
  const legend = el("p", { class: "legend" }, kept.map((line, k) => el("span", {}, svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, mark(MARKS[k % 4], 7, 7, 5, { fill: colour(k) })), ` ${line.name}`)));
  show(box, [made, legend], ["line", xName, yName], kept.flatMap((line) => line.points.map((p) => [line.name, sayX(p[0]), sayY(p[1])])), empty);
}
