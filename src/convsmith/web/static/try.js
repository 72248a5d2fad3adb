// A picture is shown to the network: dropped, pasted, drawn, or from the camera.
import { $, ask, data, doing, el, nonce, percent, poll, post, toast } from "/static/page.js";

const name = data.run.name, classes = data.classes;
const pad = $("#pad"), pen = pad.getContext("2d", { willReadFrequently: true }), video = $("#video");
let frames = [];
let shown = null, last = null, asking = false, next = null, stream = null;

// The network in this page, in a worker, where the run has it as a page; else the studio answers.
let worker = null;
function crew({ setup, weights }) {
  const made = new Worker("/net/worker.js"), waiting = new Map();
  let id = 0;
  made.onmessage = ({ data: answer }) => { waiting.get(answer.id)?.(answer); waiting.delete(answer.id); };
  made.onerror = () => { for (const resolve of waiting.values()) resolve({ error: "the network cannot run in this page" }); worker = null; };
  const task = async (name, given = {}, moved = []) => {
    const message = { id: ++id, task: name, ...given };
    const answer = await new Promise((resolve) => { waiting.set(message.id, resolve); made.postMessage(message, moved); });
    if (answer.error) throw new Error(answer.error);
    return answer;
  };
  const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0)).buffer;
  return { task, heat: !setup.heat?.refused, ready: task("open", { setup, weights: bytes }, [bytes]) };
}
const ready = (async () => {
  const inside = await ask(`/runs/${name}/setup.json`, { timeout: 60000 }).catch(() => ({ setup: null }));
  if (inside.setup) {
    worker = crew(inside);
    await worker.ready.catch(() => { worker = null; });
  }
  $("#inside").hidden = Boolean(worker);
  document.documentElement.dataset.network = worker ? "page" : "studio";
})();

function pictureOf(seen) {
  const [rows, columns, channels] = data.size, canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [columns, rows];
  const image = pen.createImageData(columns, rows);
  for (let n = 0; n < rows * columns; n++) { for (let c = 0; c < 3; c++) image.data[4 * n + c] = seen[channels === 1 ? n : 3 * n + c]; image.data[4 * n + 3] = 255; }
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
const here = async (given) => {
  const answer = given instanceof ImageBitmap ? await worker.task("frame", { bitmap: given }, [given]) : await worker.task("file", { blob: given });
  return { p: [...answer.probabilities], none: answer.rejected, ms: answer.milliseconds, seen: pictureOf(answer.seen), classes, here: true };
};
async function looked() {
  const best = last.p.indexOf(Math.max(...last.p)), map = await worker.task("heat", { number: best }), canvas = $("#heat"), pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [map.columns, map.rows];
  const image = pen.createImageData(map.columns, map.rows);
  map.values.forEach((value, n) => image.data.set([255, 60 + 170 * value, 20, 200 * value], 4 * n));
  pen.putImageData(image, 0, 0);
  const under = $("#stage img") || (pad.hidden ? null : pad), on = $("#look").getAttribute("aria-pressed") === "true";
  canvas.hidden = !on || !under;
  if (under) Object.assign(canvas.style, { width: `${under.clientWidth}px`, height: `${under.clientHeight}px` });
}
$("#look").addEventListener("click", doing($("#look"), async () => {
  const on = $("#look").getAttribute("aria-pressed") !== "true";
  $("#look").setAttribute("aria-pressed", String(on));
  $("#look").textContent = on ? "Hide where it looked" : "Show where it looked";
  await looked();
}));
$("#here").addEventListener("click", doing($("#here"), async () => {
  const { job } = await post(`/runs/${name}/look.json`, { what: "page", nonce: nonce() });
  $("#here-said").textContent = "The network is written as a page…";
  poll(() => `/jobs/${job.id}.json`, ({ job: now }) => {
    if (now.state === "running" || now.state === "waiting") return true;
    if (now.state === "done") location.reload(); else $("#here-said").textContent = `Not this one: ${now.message || now.state}`;
    return "end";
  });
}));

function show(found) {
  const named = found.classes.length ? found.classes : classes;
  const order = found.p.map((p, k) => [p, k]).sort((a, b) => b[0] - a[0]);
  const [top, best] = order[0], threshold = Number($("#threshold").value) / 100;
  const none = top < threshold || (found.none && !threshold);
  const verdict = $("#verdict");
  verdict.replaceChildren(none ? "None of these" : named[best] ?? String(best), " ", el("small", {}, none ? (found.none && !threshold ? `by the rule that this network was given; the nearest is ${named[best]}` : `the surest, ${named[best]}, has only ${percent(top)}`) : `${percent(top)} sure${order[1] && top < 0.6 ? `, or ${named[order[1][1]]}` : ""}`));
  $("#bars").replaceChildren(...order.slice(0, 6).map(([p, k]) => { const bar = el("i"); bar.style.width = `${Math.max(0.5, 100 * p)}%`; return el("div", {}, el("span", {}, named[k] ?? String(k)), bar, el("span", {}, percent(p))); }));
  $("#wrong").hidden = !shown || Boolean(stream);
  if (found.seen) { $("#seen").src = found.seen; $("#seen-row").hidden = false; }
  $("#speed").textContent = `${found.ms.toFixed(found.ms < 10 ? 2 : 0)} ms for the network itself, ${found.here ? "in this page; nothing was sent" : `${found.all.toFixed(0)} ms with the way there and back`}.${stream ? ` ${frames.length} pictures a second.` : ""}`;
  $("#look").hidden = !found.here || !worker?.heat || Boolean(stream);
  if (!$("#look").hidden) looked().catch(toast); else $("#heat").hidden = true;
}
async function classify(blob) {
  if (asking) { next = blob; return; }
  asking = true;
  if (blob instanceof Blob) shown = blob;
  const began = performance.now();
  if (!last) $("#verdict").textContent = "…";
  try {
    await ready;
    const found = worker ? await here(blob) : await ask(`/runs/${name}/answer.json`, { method: "POST", body: blob, timeout: 90000 });
    found.all = performance.now() - began;
    const now = performance.now();
    frames = [...frames.filter((at) => now - at < 1000), now];
    last = found;
    show(last);
  } catch (error) { $("#verdict").textContent = "No answer."; toast(error); stop(); } finally {
    asking = false;
    if (next) { const waiting = next; next = null; classify(waiting); }
  }
}
$("#threshold").addEventListener("input", () => { const value = Number($("#threshold").value); $("#threshold-said").textContent = value ? `${value}%` : "never"; if (last) show(last); });

$("#keep").addEventListener("click", doing($("#keep"), async () => {
  const kept = await ask(`/runs/${name}/keep.json?label=${$("#truth").value}`, { method: "POST", body: shown });
  $("#kept").replaceChildren("Kept in ", el("a", { href: kept.go }, kept.title), "; look at it again there, and search anew.");
}));
function stage(...made) { stop(); pad.hidden = true; $("#clear").hidden = true; $("#stage").hidden = false; $("#stage").replaceChildren(...made); }
function picture(file) {
  const url = URL.createObjectURL(file), image = el("img", { src: url, alt: "The picture" });
  image.onload = () => { if (image.naturalWidth < 96) image.className = "tiny"; };
  image.onerror = () => image.replaceWith(el("p", {}, "The browser cannot show this file; the network may read it all the same."));
  stage(image);
  classify(file);
}
$("#choose").addEventListener("click", () => $("#photo").click());
$("#photo").addEventListener("change", () => { if ($("#photo").files[0]) picture($("#photo").files[0]); });
const drop = $("#drop");
for (const kind of ["dragover", "dragenter"]) document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); const file = event.dataTransfer.files[0]; if (file) picture(file); });
document.addEventListener("paste", (event) => { const file = [...event.clipboardData.files][0]; if (file) picture(file); });

// Drawing: light on dark, as handwritten digits are.
const clear = () => { pen.fillStyle = "#000"; pen.fillRect(0, 0, pad.width, pad.height); $("#verdict").textContent = "Draw something."; $("#bars").replaceChildren(); };
let drawing = null, timer = 0;
const where = (event) => { const box = pad.getBoundingClientRect(); return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height]; };
$("#draw").addEventListener("click", () => { stop(); $("#stage").hidden = true; pad.hidden = false; $("#clear").hidden = false; clear(); });
$("#clear").addEventListener("click", clear);
pad.addEventListener("pointerdown", (event) => { drawing = where(event); pad.setPointerCapture(event.pointerId); stroke(event); });
pad.addEventListener("pointermove", (event) => { if (drawing) stroke(event); });
for (const kind of ["pointerup", "pointercancel"]) pad.addEventListener(kind, () => { drawing = null; send(); });
function stroke(event) {
  const to = where(event);
  Object.assign(pen, { strokeStyle: "#fff", lineWidth: 26, lineCap: "round", lineJoin: "round" });
  pen.beginPath();
  pen.moveTo(...drawing);
  pen.lineTo(...to);
  pen.stroke();
  drawing = to;
  clearTimeout(timer);
  timer = setTimeout(send, 120);
}
const send = () => pad.toBlob((blob) => classify(blob), "image/png");

function stop() {
  for (const track of stream?.getTracks() || []) track.stop();
  stream = null;
  video.hidden = true;
  $("#camera").textContent = "Camera";
  $("#camera-said").textContent = "";
}
$("#camera").addEventListener("click", doing($("#camera"), async () => {
  if (stream) { stage(el("p", { class: "hint" }, "Drop a picture here, paste one, or")); return; }
  if (!navigator.mediaDevices) { $("#camera-said").textContent = "The camera works at 127.0.0.1 and over https only."; return; }
  try { stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } }); } catch (error) {
    $("#camera-said").textContent = { NotAllowedError: "The camera was refused. Allow it in the address bar, then press again.", NotFoundError: "There is no camera.", NotReadableError: "Another program uses the camera." }[error.name] || `The camera does not work: ${error.message}`;
    return;
  }
  stage();
  $("#stage").hidden = true;
  pad.hidden = true;
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  $("#camera").textContent = "Camera off";
  const frame = document.createElement("canvas"), [rows, columns] = data.size.length === 3 ? data.size : [64, 64];
  const side = Math.min(480, Math.max(96, 2 * Math.max(rows, columns)));
  frame.width = frame.height = side;
  const loop = async () => {
    if (!stream) return;
    if (!asking && !document.hidden) {
      if (worker) { createImageBitmap(video).then((bitmap) => { if (stream) classify(bitmap); }); setTimeout(() => requestAnimationFrame(loop), matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 30); return; }
      const square = Math.min(video.videoWidth, video.videoHeight);
      frame.getContext("2d").drawImage(video, (video.videoWidth - square) / 2, (video.videoHeight - square) / 2, square, square, 0, 0, side, side);
      frame.toBlob((blob) => { if (stream && blob) classify(blob); }, "image/png");
    }
    setTimeout(() => requestAnimationFrame(loop), matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 60);
  };
  loop();
}));
addEventListener("pagehide", stop);
