// The images of a set: thumbnails of findings, and a grid that stays smooth at ten thousand.
import { $, $$, ask, count, data, doing, el, poll, post, thumb, toast } from "/static/page.js";

const set = data.set, base = `/data/${set.id}/`, CELL = 72;
for (const [id, to] of [["#again", "look"], ["#forget", "forget"]]) $(id)?.addEventListener("click", doing($(id), async () => { location.href = (await post(`${base}${to}.json`)).go; }));

if ($("#looking")) {
  poll(() => `${base.slice(0, -1)}.json`, (now) => {
    const lines = (now.log || "").trim().split("\n");
    $("#looking-log").textContent = lines.at(-1) || "";
    if (now.job && now.job.state !== "running" && now.job.state !== "waiting") { location.reload(); return "end"; }
    return true;
  });
}

let opener = null;
const held = Object.keys(data.check || {}).length ? await ask(`${base}images.json`).catch((error) => { toast(error); return null; }) : null;
if (held) {
  const place = new Map(held.rows.map((row, k) => [row, k]));
  for (const strip of $$(".strip")) {
    const pairs = strip.dataset.pairs === "1", rows = JSON.parse(strip.dataset.rows);
    const finding = data.check.findings[Number(strip.closest(".finding").dataset.at)];
    const figures = rows.slice(0, 12).map((row, k) => place.has(row) ? el("figure", {}, thumb("button", held, base, place.get(row), { type: "button", "aria-label": `${finding.names[k]}, enlarge`, onclick: () => opener?.(place.get(row)) }),
      el("figcaption", {}, `${finding.names[k]} (${held.classes[held.labels[place.get(row)]]})`)) : el("figure", {}, el("figcaption", {}, finding.names[k])));
    if (pairs) for (let k = 0; k + 1 < figures.length; k += 2) strip.append(el("div", { class: "pair" }, figures[k], figures[k + 1]));
    else strip.append(...figures);
    if (finding.count > 12) strip.append(el("p", { class: "quiet" }, `and ${count(finding.count - Math.min(12, rows.length))} more`));
  }
  grid(held);
}

function grid(list) {
  const out = new Set(data.fixes.out), labels = new Map(Object.entries(data.fixes.labels));
  const box = $("#grid"), inside = el("div", { class: "inside" });
  box.append(inside);
  let shown = [], across = 1, focus = 0, drawn = new Map(), saving = 0;
  const label = (k) => labels.get(list.names[k]) ?? list.classes[list.labels[k]];
  const said = (k) => `${list.names[k]}, ${label(k)}${out.has(list.names[k]) ? ", left out" : ""}${labels.has(list.names[k]) ? `, was ${list.classes[list.labels[k]]}` : ""}`;

  function choose() {
    const wanted = $("#class").value, changed = $("#only-mended")?.checked;
    shown = [];
    list.names.forEach((name, k) => {
      if (wanted !== "" && label(k) !== list.classes[Number(wanted)]) return;
      if (changed && !out.has(name) && !labels.has(name)) return;
      shown.push(k);
    });
    focus = Math.min(focus, Math.max(0, shown.length - 1));
    $("#shown").textContent = `${count(shown.length)} images`;
    layout();
  }
  function layout() {
    across = Math.max(1, Math.floor((box.clientWidth - 8) / CELL));
    inside.style.height = `${Math.ceil(shown.length / across) * CELL + 8}px`;
    for (const cell of drawn.values()) cell.remove();
    drawn = new Map();
    draw();
  }
  function draw() {
    const first = Math.max(0, Math.floor(box.scrollTop / CELL) - 2) * across, last = Math.min(shown.length, (Math.ceil((box.scrollTop + box.clientHeight) / CELL) + 2) * across);
    for (const [at, cell] of drawn) if ((at < first || at >= last) && at !== focus) { cell.remove(); drawn.delete(at); }
    for (let at = first; at < last; at++) if (!drawn.has(at)) make(at);
    if (shown.length && !drawn.has(focus)) make(focus);
  }
  function make(at) {
    const k = shown[at];
    const cell = thumb("button", list, base, k, { type: "button", "aria-label": said(k), title: said(k), tabindex: at === focus ? 0 : -1, role: "gridcell" });
    cell.style.left = `${4 + (at % across) * CELL}px`;
    cell.style.top = `${4 + Math.floor(at / across) * CELL}px`;
    cell.classList.toggle("out", out.has(list.names[k]));
    cell.classList.toggle("moved", labels.has(list.names[k]));
    cell.addEventListener("click", () => { move(at); open(k); });
    inside.append(cell);
    drawn.set(at, cell);
  }
  function move(at) {
    if (!shown.length) return;
    drawn.get(focus)?.setAttribute("tabindex", "-1");
    focus = Math.max(0, Math.min(shown.length - 1, at));
    const top = Math.floor(focus / across) * CELL;
    if (top < box.scrollTop) box.scrollTop = top;
    if (top + CELL > box.scrollTop + box.clientHeight) box.scrollTop = top + CELL - box.clientHeight + 8;
    draw();
    drawn.get(focus).setAttribute("tabindex", "0");
    drawn.get(focus).focus({ preventScroll: true });
  }
  function again(k) {
    const at = shown.indexOf(k);
    if (at >= 0 && drawn.has(at)) { drawn.get(at).remove(); drawn.delete(at); make(at); }
    keep();
  }
  function toggle(k) {
    if (!set.can_mend) return;
    const name = list.names[k];
    if (out.has(name)) out.delete(name); else out.add(name);
    again(k);
  }
  function relabel(k, to) {
    const name = list.names[k];
    if (to === list.classes[list.labels[k]]) labels.delete(name); else labels.set(name, to);
    again(k);
  }
  function keep() {
    clearTimeout(saving);
    $("#mended").textContent = "…";
    saving = setTimeout(async () => {
      try {
        const kept = await post(`${base}fixes.json`, { out: [...out], labels: Object.fromEntries(labels) });
        $("#mended").textContent = `${count(kept.out.length)} left out, ${count(Object.keys(kept.labels).length)} labelled otherwise; ${count(kept.kept)} images stay. Kept.`;
      } catch (error) { $("#mended").textContent = "not kept"; toast(error); }
    }, 500);
  }
  function open(k) {
    const dialog = $("#large"), canvas = $("canvas", dialog), picture = new Image(), each = list.across * list.down;
    picture.onload = () => {
      const context = canvas.getContext("2d"), at = k % each;
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, (at % list.across) * list.side, Math.floor(at / list.across) * list.side, list.side, list.side, 0, 0, 256, 256);
    };
    picture.src = `${base}sheet-${String(Math.floor(k / each)).padStart(4, "0")}.jpg`;
    $("p", dialog).textContent = `${said(k)}; ${list.sizes[k][1]} × ${list.sizes[k][0]} pixels`;
    const actions = [];
    if (set.can_mend) {
      const leave = el("button", { class: "button", type: "button", onclick: () => { toggle(k); dialog.close(); } }, out.has(list.names[k]) ? "Take it back" : "Leave it out");
      const to = el("select", { "aria-label": "Label", onchange: () => { relabel(k, to.value); dialog.close(); } }, list.classes.map((name) => el("option", name === label(k) ? { selected: true } : {}, name)));
      actions.push(leave, el("label", {}, "It shows ", to));
    }
    $(".row", dialog).replaceChildren(...actions);
    dialog.showModal();
    dialog.onclose = () => drawn.get(focus)?.focus();
  }
  opener = open;
  box.addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", layout);
  box.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(box.clientHeight / CELL)) * across;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, PageDown: page, PageUp: -page }[event.key];
    if (by) move(focus + by);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(shown.length - 1);
    else if (event.key === "x") toggle(shown[focus]);
    else if (event.key === "l" && set.can_mend) { open(shown[focus]); $("#large select")?.focus(); }
    else return;
    event.preventDefault();
  });
  $("#class").addEventListener("change", () => { box.scrollTop = 0; focus = 0; choose(); });
  $("#only-mended")?.addEventListener("change", () => { box.scrollTop = 0; focus = 0; choose(); });
  for (const button of $$("[data-class]")) button.addEventListener("click", () => { $("#class").value = button.dataset.class; $("#class").dispatchEvent(new Event("change")); $("#images-title").scrollIntoView(); });
  if ($("#mended") && (out.size || labels.size)) $("#mended").textContent = `${count(out.size)} left out, ${count(labels.size)} labelled otherwise.`;
  choose();
}
