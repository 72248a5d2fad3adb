import { $$, data, doing, poll, post } from "/static/page.js";

for (const button of $$("[data-stop]")) button.addEventListener("click", doing(button, async () => { await post(`/jobs/${button.dataset.stop}/stop.json`); button.textContent = "Stopping…"; }));
const shape = (jobs) => JSON.stringify(jobs.map((job) => [job.id, job.state, job.run]));
const before = shape(data.jobs);
poll(() => "/jobs.json", ({ jobs }) => {
  if (shape(jobs) !== before) { location.reload(); return "end"; }
  return jobs.some((job) => job.state === "running");
});
