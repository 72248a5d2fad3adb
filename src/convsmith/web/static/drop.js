// A folder or a zip, dropped or chosen, copied into the studio: many files a request, and not twice.
import { $, $$, ask, bytes, count, data, doing, el, post, toast } from "/static/page.js";

const limits = data.limits, IMAGE = /\.(jpe?g|png|gif|bmp|webp|tiff?|p[pgbn]m|avif|jp2|ico|tga|csv|tsv|jsonl)$/i;
const ARCHIVE = /\.(zip|tar)$/i, PIECE = 8_000_000, MANY = 500;
const go = (answer) => { location.href = answer.go; };
let chosen = null, cancelled = false;

for (const button of $$("[data-named]")) button.addEventListener("click", doing(button, async () => go(await post("/data/new.json", { kind: "named", source: button.dataset.named, title: button.dataset.named }))));
$("#by-path").addEventListener("submit", doing($("#by-path button"), async () => {
  const source = $("#by-path input").value.trim();
  go(await post("/data/new.json", { kind: "path", source, title: source.replace(/\/+$/, "").split("/").pop() }));
}));

const read = (reader) => new Promise((good, bad) => reader.readEntries(good, bad));
const file = (entry) => new Promise((good, bad) => entry.file(good, bad));
async function walk(entry, path, into) {
  if (entry.isFile) { into.push({ path: path + entry.name, file: await file(entry) }); return; }
  const reader = entry.createReader();
  for (let batch = await read(reader); batch.length; batch = await read(reader)) {  // a hundred a call
    for (const inside of batch) await walk(inside, `${path}${entry.name}/`, into);
    $("#drop-title").textContent = `Looking: ${count(into.length)} files`;
  }
}

const drop = $("#drop");
for (const kind of ["dragover", "dragenter"]) document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  try { for (const entry of entries) await walk(entry, "", found); } catch (error) { toast(error); }
  plan(found);
});
$("#pick-folder").addEventListener("click", () => $("#folder").click());
$("#pick-zip").addEventListener("click", () => $("#zip").click());
$("#folder").addEventListener("change", () => plan([...$("#folder").files].map((one) => ({ path: one.webkitRelativePath || one.name, file: one }))));
$("#zip").addEventListener("change", () => plan([...$("#zip").files].map((one) => ({ path: one.name, file: one }))));

function plan(found) {
  if (!found.length) return;
  const zip = found.length === 1 && ARCHIVE.test(found[0].path);
  const taken = zip ? found : found.filter((one) => IMAGE.test(one.path) && !/(^|\/)\./.test(one.path) && one.file.size > 0 && one.file.size <= limits.file);
  const total = taken.reduce((sum, one) => sum + one.file.size, 0);
  const top = taken.every((one) => one.path.includes("/")) && new Set(taken.map((one) => one.path.split("/")[0])).size === 1 ? taken[0].path.split("/")[0] : "";
  for (const one of taken) one.name = top && !zip ? one.path.slice(top.length + 1) : one.path;
  const classes = new Map();
  if (!zip) for (const one of taken) { const name = one.name.split("/").slice(0, -1).join("/") || "(no folder)"; classes.set(name, (classes.get(name) || 0) + 1); }
  const left = found.length - taken.length;
  $(".drop-inside").hidden = true;
  $("#sending").hidden = false;
  $("#plan").textContent = zip ? `${found[0].path}, ${bytes(total)}` : `${count(taken.length)} images in ${classes.size} ${classes.size === 1 ? "folder" : "folders"}, ${bytes(total)}${left ? `; ${count(left)} other files are left out` : ""}.`;
  $("#plan-classes").replaceChildren(...[...classes].slice(0, 24).map(([name, n]) => el("span", {}, `${name} ${count(n)}`)), ...(classes.size > 24 ? [el("span", {}, `and ${classes.size - 24} more`)] : []));
  $("#set-title").value = top || found[0].path.replace(ARCHIVE, "") || "images";
  $("#sent-said").textContent = total > 2e9 ? "That is much to copy: a path on this machine (below) copies nothing." : classes.size === 1 && !zip ? "One folder is one class; a network needs at least two." : "";
  $("#send").disabled = !taken.length || taken.length > limits.files;
  chosen = { zip, taken, total };
  $("#send").focus();
}
$("#cancel").addEventListener("click", () => { cancelled = true; location.reload(); });

function framed(batch) {
  const parts = [];
  for (const one of batch) {
    const name = new TextEncoder().encode(one.name), head = new DataView(new ArrayBuffer(2)), size = new DataView(new ArrayBuffer(4));
    head.setUint16(0, name.length);
    size.setUint32(0, one.file.size);
    parts.push(head.buffer, name, size.buffer, one.file);
  }
  return new Blob(parts);
}
const retry = async (work) => {
  for (let tries = 0; ; tries++) {
    try { return await work(); } catch (error) {
      if (error.status || tries >= 5 || cancelled) throw error;
      $("#sent-said").textContent = "No answer; trying again…";
      await new Promise((good) => setTimeout(good, 1000 * 2 ** tries));
    }
  }
};

$("#send").addEventListener("click", doing($("#send"), async () => {
  const { zip, taken, total } = chosen, bar = $("#sent");
  bar.hidden = false;
  let sent = 0, refused = [];
  const told = () => { bar.value = total ? sent / total : 1; $("#sent-said").textContent = `${bytes(sent)} of ${bytes(total)}`; };
  const open = data.sets.find((set) => !set.sealed && set.title === $("#set-title").value);
  const id = open && !zip ? open.id : (await post("/data/new.json", { kind: zip ? "zip" : "folder", title: $("#set-title").value })).id;
  if (zip) {
    const one = taken[0].file;
    for (let at = 0; at < one.size && !cancelled; at = sent) {
      const answer = await retry(() => ask(`/data/${id}/piece.json?from=${at}`, { method: "POST", body: one.slice(at, at + PIECE), timeout: 120000 }));
      sent = answer.next;
      told();
    }
  } else {
    const { missing } = await post(`/data/${id}/have.json`, { files: taken.map((one) => [one.name, one.file.size]) });
    const wanted = missing.map((k) => taken[k]);
    sent = total - wanted.reduce((sum, one) => sum + one.file.size, 0);
    told();
    const batches = [];
    let batch = [], size = 0;
    for (const one of wanted) {
      if (batch.length && (size + one.file.size > limits.batch || batch.length >= MANY)) { batches.push(batch); batch = []; size = 0; }
      batch.push(one);
      size += one.file.size;
    }
    if (batch.length) batches.push(batch);
    const worker = async () => {
      for (let next = batches.shift(); next && !cancelled; next = batches.shift()) {
        const body = framed(next);
        const answer = await retry(() => ask(`/data/${id}/files.json`, { method: "POST", body, timeout: 120000 }));
        refused = refused.concat(answer.refused);
        sent += next.reduce((sum, one) => sum + one.file.size, 0);
        told();
      }
    };
    await Promise.all([worker(), worker()]);
  }
  if (!cancelled) go(await post(`/data/${id}/seal.json`));
}));
