// Runs what a test wrote into a folder: node js_cases.js FOLDER_OF_SCRIPTS FOLDER
// networks.json: programs with their weights and images; pixels.json: calls of ConvsmithPixels and ConvsmithHeaders.
"use strict";

const fs = require("fs");
const path = require("path");

const [scripts, folder] = process.argv.slice(2);
for (const name of ["operators", "network", "pixels", "headers"]) require(path.join(scripts, `${name}.js`));

const buffer = (name) => {
  const found = fs.readFileSync(path.join(folder, name));
  return found.buffer.slice(found.byteOffset, found.byteOffset + found.length);
};
const cases = (name) => {
  const file = path.join(folder, name);
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : [];
};

for (const { name, program, heat } of cases("networks.json")) {
  const network = new ConvsmithNetwork.Network(program, buffer(`${name}.weights`));
  const images = new Float32Array(buffer(`${name}.images`)), length = network.tensors[program.input].data.length;
  const found = [], maps = [];
  for (let at = 0; at < images.length; at += length) {
    found.push(...network.run(images.subarray(at, at + length)));
    if (program.cam) for (const number of heat) maps.push(...network.heat(number).values);
  }
  fs.writeFileSync(path.join(folder, `${name}.answers`), Buffer.from(Float64Array.from(found).buffer));
  fs.writeFileSync(path.join(folder, `${name}.maps`), Buffer.from(Float64Array.from(maps).buffer));
}

const answers = [];
for (const { call, bytes, shape, given } of cases("pixels.json")) {
  const pixels = new Uint8Array(buffer(bytes));
  if (call === "looked") {
    answers.push(ConvsmithHeaders.looked(pixels));
    continue;
  }
  const image = shape && { pixels, rows: shape[0], columns: shape[1], channels: shape[2] };
  const found = call === "onWhite" ? ConvsmithPixels.onWhite(pixels) : ConvsmithPixels[call](image, ...given);
  fs.writeFileSync(path.join(folder, `${bytes}.out`), found.pixels || found);
  answers.push(found.pixels ? [found.rows, found.columns, found.channels] : []);
}
const rules = cases("rules.json").map(({ logits, rule }) => ConvsmithNetwork.answer(logits, rule));
fs.writeFileSync(path.join(folder, "answers.json"), JSON.stringify({ answers, rules }));
