import { $, $$, data, doing, el, poll, post, seconds } from "/static/page.js";

const go = (answer) => { location.href = answer.go; };
for (const button of $$("[data-named]")) {
  button.addEventListener("click", doing(button, async () => go(await post("/data/new.json", { kind: "named", source: button.dataset.named, title: button.dataset.named }))));
}

const rows = () => $$("table.runs tbody tr");
const ticked = () => rows().filter((row) => $("input", row).checked && !row.hidden).map((row) => row.dataset.name);
function ticks() {
  const n = ticked().length;
  $("#compare").disabled = n < 2 || n > 8;
  $("#compare").textContent = n >= 2 ? `Compare ${n}` : "Compare";
  $("#delete").disabled = !n;
}
$("#table").addEventListener("change", ticks);
$("#compare").addEventListener("click", () => { location.href = `/runs/compare?runs=${ticked().join(",")}`; });
$("#delete").addEventListener("click", doing($("#delete"), async () => {
  for (const name of ticked()) await post(`/runs/${name}/delete.json`);
  location.reload();
}));
$("#find").addEventListener("input", () => {
  const wanted = $("#find").value.toLowerCase();
  for (const row of rows()) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
for (const head of $$("th[data-sort]")) {
  head.tabIndex = 0;
  head.setAttribute("role", "columnheader");
  const sort = () => {
    const key = head.dataset.sort, up = head.getAttribute("aria-sort") === "descending";
    for (const other of $$("th[data-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => known.get(row.dataset.name)?.[key] ?? (up ? Infinity : -Infinity);
    const sorted = rows().sort((a, b) => { const [x, y] = [value(a), value(b)]; return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1); });
    $("table.runs tbody").append(...sorted);
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
}
for (const button of $$("[data-restore]")) button.addEventListener("click", doing(button, async () => go(await post("/bin.json", { restore: button.dataset.restore }))));
$("#empty")?.addEventListener("click", doing($("#empty"), async () => { await post("/bin.json", { empty: true }); location.reload(); }));

let known = new Map((data.runs || []).map((run) => [run.name, run]));
const shape = (found) => JSON.stringify([found.runs.map((run) => [run.name, run.state, run.accuracy]), found.jobs.map((job) => [job.id, job.state, job.run])]);
let before = data.runs ? shape(data) : "";
poll(() => "/runs.json", (found) => {
  known = new Map(found.runs.map((run) => [run.name, run]));
  const box = $("#working");
  const running = found.runs.filter((run) => run.state === "running");
  const waiting = found.jobs.filter((job) => !job.run || !running.some((run) => run.name === job.run));
  box.hidden = !running.length && !waiting.length;
  box.replaceChildren(
    ...running.map((run) => el("p", {}, el("a", { href: `/runs/${run.name}` }, run.title || run.data || run.name), " ", el("span", { class: "state running" }, "running"), " ",
      el("span", { class: "quiet" }, [run.now.step, run.now.note, run.now.left ? `${seconds(run.now.left)} left` : ""].filter(Boolean).join(" · ")))),
    ...waiting.map((job) => el("p", {}, el("a", { href: `/jobs/${job.id}` }, job.title), " ", el("span", { class: `state ${job.state}` }, job.state))));
  const now = shape(found);
  if (before && now !== before && !ticked().length && !$("#find").value) location.reload();
  before = now;
  return running.length > 0;
});
ticks();
