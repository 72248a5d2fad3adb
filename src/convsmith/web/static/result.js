// A finished run: cells of the confusion matrix open their images; exports and looks are jobs.
import { $, $$, ask, data, doing, el, nonce, percent, poll, post, svg, thumb, toast } from "/static/page.js";

const name = data.run.name;
const gauge = $("#gauge");
if (gauge) {
  const share = Number(gauge.dataset.share), round = 2 * Math.PI * 50;
  gauge.append(svg("circle", { cx: 60, cy: 60, r: 50, fill: "none", stroke: "var(--line)", "stroke-width": 12 }),
    svg("circle", { cx: 60, cy: 60, r: 50, fill: "none", stroke: "var(--accent)", "stroke-width": 12, "stroke-dasharray": `${round * share} ${round}`, transform: "rotate(-90 60 60)" }));
}
for (const cell of $$(".confusion td[data-share]")) {
  const share = Number(cell.dataset.share);
  if (share > 0) cell.style.background = `color-mix(in srgb, var(${cell.classList.contains("right") ? "--accent" : "--c1"}) ${Math.round(12 + 55 * Math.sqrt(share))}%, var(--card))`;
}

function make(then) {
  const show = el("button", { class: "button", type: "button" }, "Show images");
  show.addEventListener("click", doing(show, async () => {
    const { job } = await post(`/runs/${name}/look.json`, { what: "pictures", nonce: nonce() });
    follow(job, then);
    $("#cell").replaceChildren(el("p", { class: "quiet" }, "Thumbnails are made of the images…"), el("progress", { "aria-label": "Thumbnails are made" }));
  }));
  return show;
}

async function open(query, said, button) {
  const box = $("#cell");
  for (const other of $$(".confusion button")) other.setAttribute("aria-pressed", String(other === button));
  box.replaceChildren(el("p", { class: "quiet" }, "…"));
  try {
    const found = await ask(`/runs/${name}/cell.json?${query}`);
    if (!found.images) { box.replaceChildren(el("p", {}, "There are no thumbnails of these images yet. ", make(() => open(query, said, button)))); return; }
    box.replaceChildren(el("h3", {}, `${said}: ${found.count}`), found.count ? el("div", { class: "strip" }, found.images.map((one) => el("figure", {},
      thumb("div", found.grid, found.sheets, one.row, { role: "img", "aria-label": one.name }),
      el("figcaption", {}, one.name, el("br"), `${data.result.classes[one.predicted]}, ${percent(one.confidence, 0)}${one.true !== one.predicted ? `; is ${data.result.classes[one.true]}` : ""}`)))) : el("p", {}, "None."));
  } catch (error) {
    box.replaceChildren();
    toast(error);
  }
}
$("#confusion")?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) open(`true=${button.dataset.true}&said=${button.dataset.said}`, `${data.result.classes[button.dataset.true]} called ${data.result.classes[button.dataset.said]}`, button);
});
$("#all-errors")?.addEventListener("click", () => open("", "All errors, the surest first"));

function follow(job, then) {
  const line = el("p", {}, el("span", { class: `state ${job.state}` }, job.state), ` ${job.title} `, el("a", { href: `/jobs/${job.id}` }, "log"));
  $("#jobs")?.append(line);
  poll(() => `/jobs/${job.id}.json`, ({ job: now }) => {
    line.firstChild.className = `state ${now.state}`;
    line.firstChild.textContent = now.state;
    if (now.state === "running" || now.state === "waiting") return true;
    if (now.state === "done") then?.(); else if (now.message) line.append(el("span", { class: "wrong" }, ` ${now.message}`));
    return "end";
  });
}
for (const button of $$("#exports button, #looks button")) {
  button.addEventListener("click", doing(button, async () => {
    const { job } = await post(`/runs/${name}/look.json`, { what: button.dataset.what, nonce: nonce() });
    follow(job, () => location.reload());
    $("#jobs")?.scrollIntoView({ block: "nearest" });
  }));
}
for (const job of data.jobs || []) if (job.state === "running" || job.state === "waiting") follow(job, () => location.reload());

$("#note")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  try { await post(`/runs/${name}/note.json`, { title: form.elements.title.value, note: form.elements.note.value }); $("#kept").textContent = "Kept."; if (form.elements.title.value) $("#title").textContent = form.elements.title.value; } catch (error) { toast(error); }
});
$("#delete")?.addEventListener("click", doing($("#delete"), async () => { await post(`/runs/${name}/delete.json`); location.href = "/"; }));
$("#go-more")?.addEventListener("click", doing($("#go-more"), async () => { const answer = await post(`/runs/${name}/go-on.json`, { minutes: Number($("#more-minutes").value), nonce: nonce() }); location.href = `/jobs/${answer.job}`; }));
