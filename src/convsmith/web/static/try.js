// A picture is shown to the network: dropped, pasted, drawn, or from the camera.
import { $, ask, data, doing, el, percent, toast } from "/static/page.js";

const name = data.run.name, classes = data.classes;
let shown = null, last = null, asking = false, next = null, stream = null;

function show(found) {
  const named = found.classes.length ? found.classes : classes;
  const order = found.p.map((p, k) => [p, k]).sort((a, b) => b[0] - a[0]);
  const [top, best] = order[0], threshold = Number($("#threshold").value) / 100;
  const none = top < threshold || (found.none && !threshold);
  const verdict = $("#verdict");
  verdict.replaceChildren(none ? "None of these" : named[best] ?? String(best), " ", el("small", {}, none ? (found.none && !threshold ? `by the rule that this network was given; the nearest is ${named[best]}` : `the surest, ${named[best]}, has only ${percent(top)}`) : `${percent(top)} sure${order[1] && top < 0.6 ? `, or ${named[order[1][1]]}` : ""}`));
  $("#bars").replaceChildren(...order.slice(0, 6).map(([p, k]) => { const bar = el("i"); bar.style.width = `${Math.max(0.5, 100 * p)}%`; return el("div", {}, el("span", {}, named[k] ?? String(k)), bar, el("span", {}, percent(p))); }));
  $("#wrong").hidden = false;
  if (found.seen) { $("#seen").src = found.seen; $("#seen-row").hidden = false; }
  $("#speed").textContent = `${found.ms.toFixed(found.ms < 10 ? 2 : 0)} ms for the network itself${found.all ? `, ${found.all.toFixed(0)} ms with the way there and back` : ""}.`;
}
async function classify(blob) {
  if (asking) { next = blob; return; }
  asking = true;
  shown = blob;
  const began = performance.now();
  if (!last) $("#verdict").textContent = "…";
  try {
    last = await ask(`/runs/${name}/answer.json`, { method: "POST", body: blob, timeout: 90000 });
    last.all = performance.now() - began;
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
const pad = $("#pad"), pen = pad.getContext("2d", { willReadFrequently: true });
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

const video = $("#video");
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
      const square = Math.min(video.videoWidth, video.videoHeight);
      frame.getContext("2d").drawImage(video, (video.videoWidth - square) / 2, (video.videoHeight - square) / 2, square, square, 0, 0, side, side);
      frame.toBlob((blob) => { if (stream && blob) classify(blob); }, "image/png");
    }
    setTimeout(() => requestAnimationFrame(loop), matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 60);
  };
  loop();
}));
addEventListener("pagehide", stop);
