import { $, data, doing, el, poll, post } from "/static/page.js";

const id = data.job.id;
let was = data.job.state;
$("#stop").addEventListener("click", doing($("#stop"), async () => { await post(`/jobs/${id}/stop.json`); $("#stop").textContent = "Stopping…"; }));
poll(() => `/jobs/${id}.json`, ({ job, log }) => {
  const box = $("#log"), low = box.scrollTop + box.clientHeight > box.scrollHeight - 30, changed = box.textContent !== log;
  box.textContent = log || "…";
  if (low) box.scrollTop = box.scrollHeight;
  $("#state").replaceChildren(el("span", { class: `state ${job.state}` }, job.state));
  if (job.kind === "forge" && job.run && job.state === "running") { location.replace(`/runs/${job.run}`); return "end"; }
  if (job.kind === "check" && job.state === "done" && job.data) { location.replace(`/data/${job.data}`); return "end"; }
  if (job.state !== was) { if (was === "running" || was === "waiting") location.reload(); was = job.state; }
  return job.state === "running" || job.state === "waiting" ? changed : "end";
});
