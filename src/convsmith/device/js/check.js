/* Runs a finished page's own network, without a browser: node check.js page.html images answers
 *
 * images: raw pixels, one image after the other. answers: for each image the logits and the probabilities as 64-bit
 * numbers, and 1 where it is none of the classes. Each finished image is a line on standard output.
 */
"use strict";

const fs = require("fs");
const vm = require("vm");

const [page, images, answers] = process.argv.slice(2);
const parts = new Map();
for (const [, id, text] of fs.readFileSync(page, "utf8").matchAll(/<script id="(\w+)"[^>]*>([\s\S]*?)<\/script>/g))
  parts.set(id, text);
for (const id of ["operators", "network"]) vm.runInThisContext(parts.get(id), { filename: `${id}.js` });

const setup = JSON.parse(parts.get("setup")), bytes = Buffer.from(parts.get("weights"), "base64");
const weights = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
const network = new globalThis.ConvsmithNetwork.Network(setup.program, weights);
const pixels = fs.readFileSync(images), length = setup.size[0] * setup.size[1] * setup.channels, found = [];
for (let at = 0; at < pixels.length; at += length) {
  const logits = network.run(pixels.subarray(at, at + length));
  const { probabilities, rejected } = globalThis.ConvsmithNetwork.answer(logits, setup.rule);
  found.push(...logits, ...probabilities, rejected ? 1 : 0);
  fs.writeSync(1, ".\n");
}
fs.writeFileSync(answers, Buffer.from(Float64Array.from(found).buffer));
