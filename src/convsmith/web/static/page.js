// What every page uses: elements, requests, polling, words for figures. No page loads anything from elsewhere.
export const $ = (selector, inside = document) => inside.querySelector(selector);
export const $$ = (selector, inside = document) => [...inside.querySelectorAll(selector)];
export const data = JSON.parse($("#data")?.dataset.json || "{}");
const SVG = "http://www.w3.org/2000/svg";

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.setAttribute("class", value);
    else if (name === "style") Object.assign(made.style, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}
export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export class Refused extends Error {
  constructor(error, status) {
    super(`${error.what}: ${error.came}`);
    Object.assign(this, error, { status });
  }
}

export async function ask(url, options = {}) {
  const { timeout = 20000, ...rest } = options;
  const answer = await fetch(url, { ...rest, signal: AbortSignal.timeout(timeout) });
  let found = null;
  try { found = await answer.json(); } catch { /* said below */ }
  if (!answer.ok || found === null) {
    throw new Refused(found?.error || { what: "studio", came: `answered ${answer.status}`, try: "open the printed address again" }, answer.status);
  }
  return found;
}
export const post = (url, sent = {}) =>
  ask(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(sent) });
export const nonce = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");

export function toast(error) {
  const refused = error instanceof Refused;
  const lost = !refused && (error.name === "TypeError" || error.name === "TimeoutError");
  const close = el("button", { type: "button", "aria-label": "Close", onclick: () => box.remove() }, "✕");
  const box = el("div", { class: "toast" }, close,
    el("p", {}, el("b", {}, lost ? "The studio does not answer." : error.message)),
    refused && error.expected ? el("p", {}, `Expected: ${error.expected}.`) : null,
    refused && error.try ? el("p", {}, `Try: ${error.try}.`) : null,
    lost ? el("p", {}, "Try: start it again with convsmith studio; what runs is not touched.") : null);
  $("#toasts").append(box);
  setTimeout(() => box.remove(), 15000);
}
export const doing = (button, work) => async (event) => {
  event?.preventDefault();
  if (button.disabled) return;
  button.disabled = true;
  try { await work(event); } catch (error) { toast(error); } finally { button.disabled = false; }
};

let saidAt = 0;
export function say(text) {
  const now = Date.now();
  if (now - saidAt < 15000 || $("#said").textContent === text) return;
  saidAt = now;
  $("#said").textContent = text;
}

// One request at a time; quick while things change, slow while they do not, slower while nobody looks.
export function poll(make, use) {
  let wait = 1000, failed = 0, since = 0, timer = 0, over = false, running = false;
  const offline = $("#offline");
  async function once() {
    if (running || over) return;
    running = true;
    clearTimeout(timer);
    try {
      const changed = await use(await ask(make(), { timeout: 8000 }));
      failed = 0;
      offline.hidden = true;
      if (changed === "end") { over = true; return; }
      wait = changed === "more" ? 0 : changed ? 1000 : Math.min(5000, wait * 1.5 || 1000);
    } catch (error) {
      if (!failed) since = Date.now();
      failed += 1;
      wait = [1000, 2000, 4000, 10000][Math.min(failed, 4) - 1];
      const seconds = Math.round((Date.now() - since) / 1000);
      offline.textContent = error instanceof Refused
        ? `${error.message}${error.try ? `; try: ${error.try}` : ""}`
        : `No answer from the studio for ${seconds} s. What runs goes on without it; this page goes on when it is back.`;
      offline.hidden = failed < 2;
    } finally {
      running = false;
    }
    timer = setTimeout(once, document.hidden ? Math.max(15000, wait) : wait);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) once(); });
  once();
  return { now: once, stop: () => { over = true; clearTimeout(timer); } };
}

export const percent = (share, digits = 1) => share === null || share === undefined ? "–"
  : share === 1 ? "100%" : `${Math.min(share * 100, share < 1 ? 100 - 10 ** -digits : Infinity).toFixed(digits)}%`;
export function count(value) {
  if (value === null || value === undefined) return "–";
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (value >= size) return `${Number((value / (letter === "k" ? 1e3 : size)).toPrecision(3))}${letter}`;
  }
  return Math.round(value).toLocaleString("en");
}
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  for (const [size, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) if (value >= size) return `${Number((value / size).toPrecision(3))} ${name}`;
  return `${value} B`;
}
export const quantity = (name, value) => value === null || value === undefined ? "–"
  : name === "bytes" || name === "memory" ? bytes(value) : name === "latency_ms" ? `${Number(value.toPrecision(3))} ms` : count(value);
export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 60) return `${Math.round(value)} s`;
  const minutes = Math.floor(value / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(value % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// A thumbnail on its sheet, as a background: one picture for 512 of them.
export function thumb(tag, grid, base, at, attributes = {}) {
  const each = grid.across * grid.down, place = at % each;
  const made = el(tag, { class: "thumb", ...attributes });
  made.style.backgroundImage = `url("${base}sheet-${String(Math.floor(at / each)).padStart(4, "0")}.jpg")`;
  made.style.backgroundPosition = `-${(place % grid.across) * grid.side}px -${Math.floor(place / grid.across) * grid.side}px`;
  return made;
}

$("#theme")?.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});
