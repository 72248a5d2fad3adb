// Sliders and numbers, and at every move the command line that they come to.
import { $, $$, bytes, count, data, doing, post, seconds } from "/static/page.js";

const form = $("#budget");
if (form) {
  const KNOWN = [["LeNet-5", 61706, 416520], ["a keyword spotter", 25000, 2.7e6], ["ResNet-20", 274442, 41.3e6], ["MobileNet v2", 3.5e6, 300e6]];
  const PRESETS = { "": { max_params: 1e5 }, web: { max_bytes: 4e5 }, phone: { max_bytes: 2e6 }, own: { max_params: 1e5, max_macs: 1e7 } };
  const limits = $$("[data-limit]");
  const parts = (box) => ({ use: $("[type=checkbox]", box), range: $("[type=range]", box), text: $("[type=text]", box), says: $(".says", box), name: box.dataset.limit });
  const read = (text) => {
    const found = /^\s*([\d.]+)\s*(k|M|G)?(i?B|ms)?\s*$/i.exec(text);
    return found ? Number(found[1]) * ({ k: 1e3, m: 1e6, g: 1e9 }[(found[2] || "").toLowerCase()] || 1) : NaN;
  };
  const told = (name, value) => name === "max_bytes" || name === "max_memory" ? bytes(value).replace(" ", "") : name === "max_latency_ms" ? String(Number(value.toPrecision(2))) : value >= 1e6 ? `${Number((value / 1e6).toPrecision(3))}M` : value >= 1e4 ? `${Number((value / 1e3).toPrecision(3))}k` : String(Math.round(value));
  const nice = (value) => Number(value.toPrecision(2));

  function toRange(box, value) { const { range } = parts(box); range.value = 1000 * (Math.log10(value) - box.dataset.low) / (box.dataset.high - box.dataset.low); }
  function sayOf(box, value) {
    const { name, says } = parts(box);
    if (name === "max_params") says.textContent = nearest(value, 1, "parameters");
    else if (name === "max_macs") says.textContent = nearest(value, 2, "MACs");
    else if (name === "max_bytes") says.textContent = `about ${count(value / (form.precision.value === "int8" ? 1 : 4))} parameters`;
    else if (name === "max_memory") says.textContent = "of activations, weights not counted";
    else says.textContent = `${count(1000 / value)} images a second here`;
    const found = data.check.found;
    if (name === "max_params" && found?.images && value > found.images * 2000) says.textContent += "; large for so few images";
  }
  const nearest = (value, at, unit) => { const [best, ...figures] = [...KNOWN].sort((a, b) => Math.abs(Math.log(a[at] / value)) - Math.abs(Math.log(b[at] / value)))[0]; const times = value / figures[at - 1]; return `${times >= 1.5 ? `${Number(times.toPrecision(2))} times` : times <= 0.67 ? `a ${Math.round(1 / times)}th of` : "about as"} ${best} (${count(figures[at - 1])} ${unit})`; };
  function set(box, value, on) {
    const { use, text, name } = parts(box);
    use.checked = on;
    box.classList.toggle("off", !on);
    if (value) { text.value = told(name, value); toRange(box, value); sayOf(box, value); }
  }
  function preset() {
    const key = form.preset.value, device = data.devices[key];
    const wanted = device ? { max_bytes: device.flash ? device.flash / 2 : null, max_memory: device.ram ? device.ram / 2 : null } : PRESETS[key];
    form.precision.value = device ? "int8" : "float32";
    const usual = { max_params: 1e5, max_macs: 1e7, max_bytes: 4e5, max_memory: 1e5, max_latency_ms: 5 };
    for (const box of limits) { const name = box.dataset.limit; set(box, wanted[name] || usual[name], Boolean(wanted[name])); }
    if (device) $("#says").textContent = "";
    if (device && !device.flash && !device.ram) set(limits[0], 1e5, true);
    order();
  }
  function time(value) {
    const found = data.check.found?.images || 0;
    $(".time .says").textContent = `${seconds(value * 60)}; ${value < 2 ? "a first impression" : value < 15 ? "good for small images" : value < 90 ? "for photographs" : "for the last points"}${found > 5000 && value < 10 ? "; so many images want longer" : ""}`;
  }
  // Of networks drawn at random, how many would fit.
  let drawn = null;
  async function draw(tries = 0) {
    const found = await post(`/data/${form.data.value}/drawn.json`).catch(() => null);
    if (found?.spaces) { drawn = found; fits(); } else if (found && tries < 120 && (found.state === "running" || found.state === "waiting")) setTimeout(() => draw(tries + 1), 2000);
  }
  function fits() {
    const rows = drawn?.spaces[form.space.value], box = $("#fits");
    if (!rows) { box.textContent = ""; return; }
    const limit = Object.fromEntries(limits.map(parts).filter((one) => one.use.checked).map((one) => [one.name, read(one.text.value)]));
    const small = form.precision.value === "int8" ? 1 : 4, all = rows.params.map((params, k) => k);
    const kept = all.filter((k) => !(rows.params[k] > limit.max_params || rows.macs[k] > limit.max_macs || small * rows.params[k] > limit.max_bytes || rows.memory[k] * small / 4 > limit.max_memory));
    const [low, high] = [Math.min(...rows.params), Math.max(...rows.params)], { height, width, channels } = drawn.working;
    box.textContent = `Of ${all.length} networks drawn at random for ${width} × ${height} × ${channels} images ${kept.length ? `about ${Math.max(1, Math.round(100 * kept.length / all.length))}% keep this` : "none keeps this; the search mends them until they fit, where that can be"}. They have from ${count(low)} to ${count(high)} parameters.`;
  }
  let asked = 0;
  function fields() {
    const found = { data: form.data.value, minutes: read(form.minutes.value) || form.minutes.value, nonce: data.nonce };
    for (const box of limits) { const { use, text, name } = parts(box); if (use.checked) found[name] = text.value; }
    for (const name of ["space", "algorithm", "pretrained", "augment", "precision", "seed"]) found[name] = form[name].value;
    return found;
  }
  async function order() {
    const mine = ++asked;
    await new Promise((good) => setTimeout(good, 150));
    if (mine !== asked) return;
    try {
      const { command } = await post("/new/order.json", fields());
      if (mine !== asked) return;
      $("#command").textContent = command;
      $("#wrong").hidden = true;
      $("#start").disabled = false;
      $("#says").textContent = says();
      fits();
    } catch (error) {
      if (mine !== asked) return;
      $("#wrong").textContent = `${error.message}${error.expected ? `; expected ${error.expected}` : ""}${error.try ? `; try: ${error.try}` : ""}`;
      $("#wrong").hidden = false;
      $("#command").textContent = "";
      $("#start").disabled = true;
    }
  }
  function says() {
    const on = limits.filter((box) => parts(box).use.checked).map((box) => { const { name, text } = parts(box); return `${{ max_params: "parameters", max_macs: "multiply-adds", max_bytes: "for the file", max_memory: "of memory", max_latency_ms: "ms an image" }[name]} ≤ ${text.value}`; });
    return `No network over ${on.join(", ")} is trained or returned. ${form.precision.value === "int8" ? "Limits count the 8-bit file and its memory on the device. " : ""}In ${seconds((read(form.minutes.value) || 0) * 60)} you have a network, a report and files to take away.`;
  }
  for (const box of limits) {
    const { use, range, text, name } = parts(box);
    range.addEventListener("input", () => { const value = nice(10 ** (Number(box.dataset.low) + range.value / 1000 * (box.dataset.high - box.dataset.low))); text.value = told(name, value); use.checked = true; box.classList.remove("off"); sayOf(box, value); order(); });
    text.addEventListener("input", () => { const value = read(text.value); use.checked = true; box.classList.remove("off"); if (value > 0) { toRange(box, value); sayOf(box, value); } order(); });
    use.addEventListener("change", () => { box.classList.toggle("off", !use.checked); order(); });
  }
  const minutes = $("#minutes"), range = $("#minutes-range");
  const MIN = Math.log10(0.5), MAX = Math.log10(1440);
  const place = (value) => { range.value = 1000 * (Math.log10(value) - MIN) / (MAX - MIN); time(value); };
  range.addEventListener("input", () => { const value = nice(10 ** (MIN + range.value / 1000 * (MAX - MIN))); minutes.value = value < 10 ? value : Math.round(value); time(value); order(); });
  minutes.addEventListener("input", () => { const value = read(minutes.value); if (value > 0) place(value); order(); });
  for (const radio of $$("[name=preset]")) radio.addEventListener("change", preset);
  for (const name of ["space", "algorithm", "pretrained", "augment", "precision", "seed"]) form[name].addEventListener("input", () => order());
  form.data.addEventListener("change", () => { location.href = `/new?data=${form.data.value}`; });
  $("#copy").addEventListener("click", doing($("#copy"), async () => { await navigator.clipboard.writeText($("#command").textContent); $("#copy").textContent = "Copied"; }));
  form.addEventListener("submit", doing($("#start"), async () => { location.href = (await post("/new/order.json", { ...fields(), start: true })).go; }));
  const images = data.check.found?.images || 0;
  minutes.value = images > 20000 ? 30 : images > 3000 ? 15 : 3;
  place(Number(minutes.value));
  preset();
  draw();
}
