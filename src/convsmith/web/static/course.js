// Ten short pages on convolution, on the user's own image: everything is computed here.
import { $, $$, count, data, el, percent } from "/static/page.js";
import { scatter } from "/static/plots.js";

const KERNELS = {
  vertical: [1, 0, -1, 1, 0, -1, 1, 0, -1], horizontal: [1, 1, 1, 0, 0, 0, -1, -1, -1],
  sobel: [1, 0, -1, 2, 0, -2, 1, 0, -1], blur: [1, 1, 1, 1, 1, 1, 1, 1, 1].map((v) => v / 9), sharpen: [0, -1, 0, -1, 5, -1, 0, -1, 0],
};
const SIDE = 28;
let image = { n: 8, sheets: [[], [], []] }, timer = 0;
const shade = (v) => `rgb(${v},${v},${v})`;

function grid(canvas, values, n, colour = (v) => shade(Math.max(0, Math.min(255, Math.round(v))))) {
  const pen = canvas.getContext("2d"), size = canvas.width / n;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  values.forEach((v, k) => { pen.fillStyle = colour(v); pen.fillRect((k % n) * size, Math.floor(k / n) * size, size + 0.5, size + 0.5); });
  return size;
}
const grey = () => image.sheets[0].map((v, k) => 0.299 * v + 0.587 * image.sheets[1][k] + 0.114 * image.sheets[2][k]);

async function load(src) {
  const picture = new Image();
  picture.src = src;
  await picture.decode();
  const n = Math.min(SIDE, picture.naturalWidth), canvas = document.createElement("canvas");
  canvas.width = canvas.height = n;
  const pen = canvas.getContext("2d");
  pen.drawImage(picture, 0, 0, n, n);
  const { data: pixels } = pen.getImageData(0, 0, n, n);
  image = { n, sheets: [0, 1, 2].map((c) => Array.from({ length: n * n }, (_, k) => pixels[4 * k + c])) };
  all();
}
function builtin() {  // a seven
  const rows = ["........", ".######.", ".....##.", "....##..", "..#####.", "...##...", "..##....", "..##...."];
  const values = rows.join("").split("").map((c) => (c === "#" ? 235 : 12));
  image = { n: 8, sheets: [values, values, values] };
  all();
}

let at = 0;
function pixels() {
  const values = image.sheets[Number($("#channel").value)], canvas = $("#pixels"), size = grid(canvas, values, image.n);
  const pen = canvas.getContext("2d");
  if (image.n <= 12) values.forEach((v, k) => { pen.fillStyle = v > 128 ? "#000" : "#fff"; pen.font = `${size / 3.2}px sans-serif`; pen.textAlign = "center"; pen.fillText(v, (k % image.n + 0.5) * size, (Math.floor(k / image.n) + 0.6) * size); });
  pen.strokeStyle = "#e4572e";
  pen.lineWidth = 3;
  pen.strokeRect((at % image.n) * size, Math.floor(at / image.n) * size, size, size);
  $("#pixel-said").textContent = `Row ${Math.floor(at / image.n) + 1}, column ${at % image.n + 1}: ${image.sheets.map((sheet, c) => `${["red", "green", "blue"][c]} ${sheet[at]}`).join(", ")}. The image is ${image.n} × ${image.n} × 3 = ${count(image.n ** 2 * 3)} numbers.`;
}
$("#pixels").addEventListener("pointermove", (event) => { const box = event.target.getBoundingClientRect(); at = Math.min(image.n - 1, Math.floor((event.clientY - box.top) / box.height * image.n)) * image.n + Math.min(image.n - 1, Math.floor((event.clientX - box.left) / box.width * image.n)); pixels(); });
$("#pixels").addEventListener("keydown", (event) => { const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: image.n, ArrowUp: -image.n }[event.key]; if (by) { event.preventDefault(); at = Math.max(0, Math.min(image.n ** 2 - 1, at + by)); pixels(); } });

let place = 0;
function convolved() {
  const kernel = KERNELS[$("#filter").value], p = Number($("#padding").value), s = Number($("#stride").value), n = image.n, x = grey();
  const m = Math.floor((n + 2 * p - 3) / s) + 1, out = [];
  for (let r = 0; r < m; r++) for (let c = 0; c < m; c++) {
    let sum = 0;
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) { const row = r * s + i - p, column = c * s + j - p; if (row >= 0 && column >= 0 && row < n && column < n) sum += kernel[3 * i + j] * x[row * n + column]; }
    out.push(sum);
  }
  return { kernel, p, s, n, m, out, x };
}
function convolve() {
  const { kernel, p, s, n, m, out, x } = convolved();
  place = Math.min(place, out.length - 1);
  const size = grid($("#conv-in"), x, n), pen = $("#conv-in").getContext("2d"), r = Math.floor(place / m), c = place % m;
  pen.strokeStyle = "#e4572e";
  pen.lineWidth = 3;
  pen.strokeRect((c * s - p) * size, (r * s - p) * size, 3 * size, 3 * size);
  const low = Math.min(...out), high = Math.max(...out), most = Math.max(1, Math.abs(low), Math.abs(high));
  const plain = $("#filter").value === "blur" || $("#filter").value === "sharpen";
  const last = timer ? place : out.length;
  const cell = grid($("#conv-out"), out.map((v, k) => (k <= last ? v : NaN)), m, (v) => Number.isNaN(v) ? "transparent" : plain ? shade(Math.max(0, Math.min(255, Math.round(v)))) : v >= 0 ? `rgb(${255 - 200 * v / most},${255 - 90 * v / most},${255 - 120 * v / most})` : `rgb(255,${255 + 140 * v / most},${255 + 200 * v / most})`);
  const pen2 = $("#conv-out").getContext("2d");
  pen2.strokeStyle = "#e4572e";
  pen2.lineWidth = 3;
  pen2.strokeRect(c * cell, r * cell, cell, cell);
  $("#kernel tbody").replaceChildren(...[0, 1, 2].map((i) => el("tr", {}, [0, 1, 2].map((j) => el("td", {}, String(Number(kernel[3 * i + j].toFixed(2))))))));
  $("#conv-said").textContent = `Out: (${n} + 2×${p} − 3)/${s} + 1 = ${m}${(n + 2 * p - 3) % s ? " (rounded down)" : ""}, so ${m} × ${m}. Here the sum is ${Math.round(out[place])}.`;
}
$("#slide").addEventListener("click", () => {
  clearInterval(timer);
  place = 0;
  const total = convolved().out.length, step = Math.max(1, Math.round(total / 150));
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) { place = total - 1; timer = 0; convolve(); return; }
  timer = setInterval(() => { place += step; if (place >= total) { clearInterval(timer); timer = 0; place = 0; } convolve(); }, 40);
});
for (const id of ["#filter", "#padding", "#stride"]) $(id).addEventListener("change", convolve);

function volumes() {
  const [f, c, k, n] = ["#v-f", "#v-c", "#v-k", "#v-n"].map((id) => Math.max(1, Number($(id).value) || 1)), m = n - f + 1;
  $("#v-said").textContent = `(${f}×${f}×${c} + 1)×${k} = ${((f * f * c + 1) * k).toLocaleString("en")} parameters` + (m > 0 ? `; out ${m}×${m}×${k}; ${(m * m * k * f * f * c).toLocaleString("en")} multiply-adds. A dense layer to as many numbers would have ${(n * n * c * m * m * k + m * m * k).toLocaleString("en")}.` : "; the filter is larger than the image");
}
for (const id of ["#v-f", "#v-c", "#v-k", "#v-n"]) $(id).addEventListener("input", volumes);

function pool() {
  const n = image.n - image.n % 2, x = grey(), half = n / 2, out = [];
  for (let r = 0; r < half; r++) for (let c = 0; c < half; c++) { const four = [0, 1].flatMap((i) => [0, 1].map((j) => x[(2 * r + i) * image.n + 2 * c + j])); out.push($("#pool").value === "max" ? Math.max(...four) : four.reduce((a, b) => a + b) / 4); }
  grid($("#pool-in"), x, image.n);
  grid($("#pool-out"), out, half);
}
$("#pool").addEventListener("change", pool);

const { shown, right, wrong } = data.table, found = new Set();
function table() {
  const say = (row, column) => column === "shape" ? row.shape.join("×") : row[column].toLocaleString("en");
  $("#mistaken tbody").replaceChildren(...shown.map((row, k) => el("tr", {}, el("th", { scope: "row" }, row.name), el("td", {}, row.kind), ["shape", "size", "params"].map((column) => {
    const key = `${k}/${column}`, button = el("button", { class: "link", type: "button", "aria-label": `${row.name}, ${column}: ${say(row, column)}` }, found.has(key) ? `${say(row, column)} → ${say(right[k], column)}` : say(row, column));
    button.addEventListener("click", () => {
      if (wrong[key]) { found.add(key); $("#why").textContent = `Right: ${wrong[key]}.`; } else $("#why").textContent = `${row.name}'s ${column} is as it should be.`;
      $("#found").textContent = `${found.size} of ${Object.keys(wrong).length} found.${found.size === Object.keys(wrong).length ? " All of them!" : ""}`;
      table();
    });
    return el("td", { class: found.has(key) ? "n off" : "n" }, button);
  }))));
}

const PROGRAM = [
  ["model = keras.Sequential([", "Layers, one after the other."],
  ["    keras.Input((28, 28, 1)),", "Grey images of 28 × 28 pixels."],
  ["    keras.layers.Conv2D(32, (3, 3), activation=\"relu\"),", "32 filters of 3 × 3: (3×3×1 + 1)×32 = 320 numbers. What is below zero becomes zero."],
  ["    keras.layers.Conv2D(64, (3, 3), activation=\"relu\"),", "64 filters through all 32 channels: (3×3×32 + 1)×64 = 18,496."],
  ["    keras.layers.MaxPooling2D((2, 2)),", "Of each square of four the largest: 24 × 24 becomes 12 × 12."],
  ["    keras.layers.Dropout(0.25),", "While it learns, a quarter of the numbers is left out, so that it relies on none alone."],
  ["    keras.layers.Flatten(),", "12 × 12 × 64 = 9,216 numbers in a row."],
  ["    keras.layers.Dense(128, activation=\"relu\"),", "Each of 128 units sees all 9,216: 1,179,776 numbers, most of the network."],
  ["    keras.layers.Dropout(0.5),", "Half is left out."],
  ["    keras.layers.Dense(10, activation=\"softmax\"),", "Ten classes; the ten numbers add up to 1."],
  ["])", ""],
  ["model.compile(loss=\"categorical_crossentropy\",", "How wrong an answer is: the logarithm of what it gave the right class."],
  ["              optimizer=\"adadelta\", metrics=[\"accuracy\"])", "How the numbers are changed to be less wrong."],
  ["convsmith.fit(model, x, y, batch_size=128, epochs=12)", "Twelve times through all images, 128 at once; Keras's call, faster."],
  ["convsmith.evaluate(model, x_test, y_test)", "Once, on images that it has never seen."],
];
$("#program").replaceChildren(...PROGRAM.map(([line, said]) => { const one = el("span", { class: "line", tabindex: said ? 0 : null }, `${line}\n`); for (const kind of ["pointerenter", "focus"]) one.addEventListener(kind, () => { $("#line-said").textContent = said; }); return one; }));

function sizes() {
  const most = Math.max(...right.map((row) => row.params)), box = $("#sizes");
  box.replaceChildren(...right.filter((row) => row.params).map((row) => { const bar = el("i"); bar.style.width = `${Math.max(0.5, 100 * row.params / most)}%`; return el("div", {}, el("span", {}, row.name), bar, el("span", {}, count(row.params))); }));
}

if (data.trials.length) {
  const slide = $("#trial");
  const draw = () => scatter($("#search"), data.trials.slice(0, Number(slide.value)).map((t) => ({ x: t.params, y: t.score, group: t.arm, big: t.rung > 0, label: `trial ${t.index}: ${percent(t.score)} with ${count(t.params)} parameters` })), { name: "params", limit: data.limit, yName: "validation accuracy", empty: "None of these was trained." });
  slide.addEventListener("input", draw);
  $("#play").addEventListener("click", () => { slide.value = 1; const each = setInterval(() => { slide.value = Number(slide.value) + 1; draw(); if (Number(slide.value) >= data.trials.length) clearInterval(each); }, Math.max(40, 6000 / data.trials.length)); });
  draw();
}
function all() { at = 0; place = Math.floor(convolved().out.length / 2); pixels(); convolve(); pool(); }
for (const button of $$(".pick")) button.addEventListener("click", () => { for (const other of $$(".pick")) other.setAttribute("aria-pressed", String(other === button)); load(button.dataset.src); });
$("#channel").addEventListener("change", pixels);
volumes();
table();
sizes();
if ($(".pick")) load($(".pick").dataset.src).catch(builtin); else builtin();
