// Attacks and harms as curves; a slider reads off the curve what a change of that size does.
import { $, data, percent } from "/static/page.js";
import { curves } from "/static/plots.js";

const { attacks, harms } = data.found;
const linf = attacks.filter((curve) => curve.norm === "linf");
if (linf.length) {
  const sizes = linf[0].rows.map((row) => row.epsilon), slide = $("#epsilon");
  curves($("#attacks"), linf.map((curve) => ({ name: curve.attack.toUpperCase(), points: curve.rows.map((row, k) => [k, row.accuracy]) })),
    { sayX: (v) => Number.isInteger(v) && sizes[v] !== undefined ? String(sizes[v]) : "", sayY: (v) => percent(v, 0), xName: "change of 255", yName: "accuracy", empty: "" });
  slide.max = sizes.length - 1;
  const told = () => {
    const k = Number(slide.value);
    $("#epsilon-said").textContent = `${sizes[k]} of 255`;
    $("#epsilon-says").textContent = linf.map((curve) => `${curve.attack.toUpperCase()}: ${percent(curve.rows[k]?.accuracy)} still right`).join(", ");
  };
  slide.addEventListener("input", told);
  slide.value = Math.min(3, sizes.length - 1);
  told();
}
if (harms.length) {
  const groups = [...new Set(harms.map((row) => row.group))], clean = data.found.spoiled.clean;
  curves($("#harms"), groups.map((group) => {
    const inside = harms.filter((row) => row.group === group);
    return { name: group, points: [[0, clean], ...[0, 1, 2, 3, 4].map((k) => [k + 1, inside.reduce((sum, row) => sum + row.severities[k].accuracy, 0) / inside.length])] };
  }), { sayX: (v) => Number.isInteger(v) ? (v ? String(v) : "clean") : "", sayY: (v) => percent(v, 0), xName: "severity", yName: "accuracy", empty: "" });
}
