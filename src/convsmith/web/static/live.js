// A run while it works: its files are asked for what is new, from the byte that is known.
import { $, count, data, doing, el, nonce, percent, poll, post, quantity, say, seconds } from "/static/page.js";
import { curves, scatter } from "/static/plots.js";

const name = data.run.name, NAMES = { shared: "shared start", random: "random search", largest: "largest that fits", search: "search", earlier: "an earlier search" };
const STEPS = { forge: ["images", "pretrained", "search", "train", "test", "explain", "export", "report"], train: ["images", "train", "test", "explain", "export", "report"] };
const SAYS = { images: "Images", pretrained: "Known weights", search: "Search", train: "Train the best", test: "Test", explain: "Explain", export: "Export", report: "Report" };
let at = { trials: 0, curve: 0, log: 0 }, gen = "", trials = [], points = new Map(), last = null, drawnAt = 0, dirty = true;
const arm = (key) => NAMES[key] || key;

function draw() {
  if (!dirty || Date.now() - drawnAt < 900) return;
  drawnAt = Date.now();
  dirty = false;
  const what = $("#quantity").value, done = trials.filter((t) => t.status === "ok" && t.score !== null);
  const limit = data.run.limits[`max_${what}`];
  const front = scatter($("#front"), done.map((t) => ({ x: t[what], y: t.score, group: arm(t.arm), big: t.rung > 0, label: `trial ${t.index}, ${arm(t.arm)}${t.rung ? ", trained longer" : ""}: ${percent(t.score)} with ${quantity(what, t[what])}` })), { name: what, limit, yName: "validation accuracy", empty: "Each network appears here as its training ends." });
  const best = done.reduce((a, b) => (!a || b.score > a.score ? b : a), null);
  $("#front-said").textContent = best ? `${count(trials.length)} networks, the best right on ${percent(best.score)} of the validation images with ${quantity(what, best[what])}${front.length > 1 ? `; ${front.length} on the front` : ""}.` : "";
  const lines = new Map();
  for (const t of done) {
    const key = arm(t.arm), line = lines.get(key) || { name: key, points: [], steps: true, top: 0 };
    if (t.score > line.top) { line.top = t.score; line.points.push([t.at, t.score]); }
    lines.set(key, line);
  }
  const end = trials.at(-1)?.at;
  for (const line of lines.values()) if (line.points.at(-1)[0] < end) line.points.push([end, line.top]);
  curves($("#bests"), [...lines.values()], { sayX: seconds, sayY: (v) => percent(v, 0), xName: "time", yName: "best validation accuracy", empty: "The best so far, as time goes on." });
  const trained = [...points].map(([key, held]) => ({ name: key, points: [...held].sort((a, b) => a[0] - b[0]).map(([epoch, r]) => [epoch, r.loss]) }));
  curves($("#curves"), trained, { sayX: (v) => String(Math.round(v)), sayY: (v) => Number(v.toPrecision(3)).toString(), xName: "epoch", yName: "loss", empty: "Full trainings draw their curves here; the short ones of the search are in the other plots." });
  $("#curves-said").textContent = trained.length ? "Loss of the training images; lower is better." : "";
  if ($("#trials-details").open) table();
}
function table() {
  const top = [...trials].sort((a, b) => b.index - a.index).slice(0, 200);
  $("#trials tbody").replaceChildren(...top.map((t) => el("tr", {}, el("td", { class: "n" }, String(t.index)), el("td", {}, arm(t.arm)), el("td", { class: "n" }, t.score === null ? t.status.replace("_", " ") : percent(t.score)), el("td", { class: "n" }, count(t.params)), el("td", { class: "n" }, count(t.macs)), el("td", { class: "n" }, String(t.epochs)), el("td", { class: "n" }, t.seconds.toFixed(1)), el("td", {}, el("small", {}, t.error ? t.error.trim().split("\n").at(-1) : Object.entries(t.answers).map(([k, v]) => `${k} ${v}`).join(", "))))));
}

function now(found) {
  const told = found.now, running = found.state === "running", kind = data.run.kind === "train" ? "train" : "forge";
  const step = told.step || "images", reached = STEPS[kind].indexOf(step);
  $("#phases").replaceChildren(...STEPS[kind].map((one, k) => el("li", k < reached ? { class: "done" } : k === reached && running ? { "aria-current": "step" } : {}, SAYS[one])));
  const parts = [];
  if (running) {
    if (step === "search" && told.trial !== undefined) parts.push(`Training network ${told.trial + 1}, proposed by ${arm(told.arm)}: ${count(told.params)} parameters${told.rung ? ", longer" : ""}${told.epoch ? `, epoch ${told.epoch} of ${told.epochs}` : ""}`);
    else if (told.training) parts.push(`Training ${told.training === "winner" ? "the winner" : `the baseline “${arm(told.training)}”`}, epoch ${told.epoch} of ${told.epochs}, loss ${told.loss?.toPrecision(3)}`);
    else parts.push([told.doing, told.note].filter(Boolean).join(": ") || SAYS[step]);
  } else parts.push(found.state === "open" ? "It was cut off; nothing is lost, it can go on." : found.state === "stopped" ? "Stopped; it can go on." : "");
  $("#doing").textContent = parts.join("");
  const share = $("#share");
  share.hidden = !running;
  if (told.share > 0) share.value = told.share; else share.removeAttribute("value");
  const best = trials.reduce((a, t) => Math.max(a, t.score ?? 0), 0);
  $("#best").textContent = best ? percent(best) : "–";
  $("#count").textContent = count(trials.length);
  $("#worked").textContent = seconds(told.seconds);
  $("#left").textContent = running ? seconds(told.left) : "–";
  document.title = `${running && best ? `${percent(best, 0)} · ` : ""}${data.run.title || data.run.data} · convsmith studio`;
  $("#state").replaceChildren(el("span", { class: `state ${found.state}` }, found.said));
  const own = found.job?.state === "running";
  $("#stop").hidden = !(running && own);
  $("#finish").hidden = !(running && own && data.run.minutes && step === "search" && told.left > 90);
  $("#stop").textContent = found.job?.asked_to_stop ? "Stopping… (press again to insist)" : "Stop";
  $("#go-on").hidden = running;
  $("#more").hidden = running || !data.run.minutes;
  const ended = $("#ended");
  ended.hidden = found.state !== "failed";
  if (found.state === "failed") { ended.className = "card error"; ended.replaceChildren(el("h2", {}, "It failed"), el("p", {}, found.message), el("p", { class: "quiet" }, "What was done is kept. Another budget is a run of its own; “Go on” tries the same again."), el("p", {}, el("a", { class: "button", href: found.job?.data ? `/new?data=${found.job.data}` : "/new" }, "Another budget"))); }
}

let wasRunning = data.run.state === "running", pause = null;
const live = poll(() => `/runs/${name}/live.json?trials=${at.trials}&curve=${at.curve}&log=${at.log}&gen=${encodeURIComponent(gen)}`, async (found) => {
  if (gen && found.gen !== gen || found.trials.reset || found.curve.reset) { trials = []; points = new Map(); }
  gen = found.gen;
  if (found.log.reset) $("#log").textContent = "";
  trials.push(...found.trials.lines);
  for (const line of found.curve.lines) { const held = points.get(line.training) || new Map(); held.set(line.epoch, line); points.set(line.training, held); }
  const log = $("#log"), low = log.scrollTop + log.clientHeight > log.scrollHeight - 30;
  if (found.log.lines.length) { log.append(`${found.log.lines.join("\n")}\n`); if (log.textContent.length > 60000) log.textContent = log.textContent.slice(-40000); if (low) log.scrollTop = log.scrollHeight; }
  if (!log.textContent) log.textContent = found.job ? "" : "This run was started in a terminal; its log is there.\n";
  at = { trials: found.trials.next, curve: found.curve.next, log: found.log.next };
  const changed = found.trials.lines.length + found.curve.lines.length + found.log.lines.length > 0 || JSON.stringify(found.now) !== JSON.stringify(last);
  if (found.trials.lines.length || found.curve.lines.length) dirty = true;
  last = found.now;
  now(found);
  draw();
  if (found.trials.more || found.curve.more) return "more";
  if (found.state === "done") { say("Finished"); location.reload(); return "end"; }
  if (pause && found.state !== "running") { const next = pause; pause = null; await next(); }
  if (wasRunning && found.state !== "running") say(found.said);
  wasRunning = found.state === "running";
  return changed;
});
$("#quantity").addEventListener("change", () => { dirty = true; drawnAt = 0; draw(); });
$("#trials-details").addEventListener("toggle", table);
const job = () => data.job?.id;
$("#stop").addEventListener("click", doing($("#stop"), async () => { await post(`/jobs/${current || job()}/stop.json`); live.now(); }));
let current = job();
const goOn = async (minutes) => { const answer = await post(`/runs/${name}/go-on.json`, { minutes, nonce: nonce() }); current = answer.job; live.now(); };
$("#finish").addEventListener("click", doing($("#finish"), async () => {
  const fewer = -Math.max(0.1, (last.left - 60) / 60);
  await post(`/jobs/${current}/stop.json`);
  pause = () => goOn(Number(fewer.toFixed(2)));
  live.now();
}));
$("#go-on").addEventListener("click", doing($("#go-on"), () => goOn(null)));
$("#go-more").addEventListener("click", doing($("#go-more"), () => goOn(Number($("#more-minutes").value))));
