import { $, data, percent, quantity } from "/static/page.js";
import { scatter } from "/static/plots.js";

const draw = () => {
  const what = $("#quantity").value;
  scatter($("#front"), data.runs.map((run) => ({ x: run[what], y: run.accuracy, interval: run.interval, group: run.data, big: true, text: run.title || run.name, label: `${run.title || run.name}: ${percent(run.accuracy)} with ${quantity(what, run[what])}` })), { name: what, yName: "test accuracy", empty: "None of these is finished." });
};
$("#quantity").addEventListener("change", draw);
draw();
