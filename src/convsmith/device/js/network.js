/* Runs a network on one image, says what the classes' probabilities are, and where it looked.
 *
 * A program is a list of operators over numbered tensors; convsmith/device/js_program.py writes it.
 */
"use strict";

globalThis.ConvsmithNetwork = (() => {
  const { OPERATORS, softmax } = globalThis.ConvsmithOperators;

  /* 16-bit numbers of IEEE 754 as 32-bit ones. */
  function widened(halves) {
    return Float32Array.from(halves, (h) => {
      const sign = h & 0x8000 ? -1 : 1, exponent = (h >> 10) & 31, rest = h & 1023;
      return sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
    });
  }

  class Network {
    /* program: what js_program.py wrote; weights: an ArrayBuffer with its constants. */
    constructor(program, weights) {
      const arena = new Float32Array(program.arena);
      this.program = program;
      this.tensors = program.tensors.map(({ shape, at, from }) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const data = from === "arena" ? arena.subarray(at, at + size)
          : from === "float16" ? widened(new Uint16Array(weights, at, size)) : new Float32Array(weights, at, size);
        return { shape, data };
      });
      this.seen = null; // what the heat map is made of: the last image's features
    }

    /* The output for one image: rows x columns x channels of numbers from 0 to 255. */
    run(pixels) {
      const { ops, input, output, cam } = this.program, { tensors } = this;
      tensors[input].data.set(pixels);
      for (const op of ops) {
        OPERATORS[op.code](op, op.inputs.map((number) => tensors[number]), tensors[op.output]);
        if (cam && op.output === cam.features) this.seen = tensors[op.output].data.slice();
      }
      if (cam && cam.features === input) this.seen = tensors[input].data.slice();
      return tensors[output].data.slice();
    }

    /* Where the last image spoke for a class: ReLU of the features, weighed as the last layer weighs their means
     * (B. Zhou et al., 2016); 1 at the strongest place. Only of programs with `cam`. */
    heat(number) {
      const { features, kernel, sigmoid } = this.program.cam, [, rows, columns, depth] = this.tensors[features].shape;
      const weight = (d) => {
        if (kernel === null) return d === number ? 1 : 0;
        if (sigmoid) return (number ? 1 : -1) * this.tensors[kernel].data[d];
        return this.tensors[kernel].data[number * depth + d];
      };
      const weights = Float64Array.from({ length: depth }, (_, d) => weight(d)), values = new Float32Array(rows * columns);
      for (let p = 0; p < values.length; p++) {
        let sum = 0;
        for (let d = 0; d < depth; d++) sum += weights[d] * this.seen[p * depth + d];
        values[p] = Math.max(0, sum);
      }
      const most = values.reduce((a, b) => Math.max(a, b), 0);
      return { rows, columns, values: most ? values.map((value) => value / most) : values };
    }
  }

  const SCORES = {
    max_logit: (logits) => logits.reduce((a, b) => Math.max(a, b), -Infinity),
    energy: (logits) => {
      const most = SCORES.max_logit(logits);
      return most + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - most), 0));
    },
  };

  /* Probabilities by a rule's temperature, and whether its score says that the picture shows none of the classes.
   * logits: the numbers before the final softmax; of one sigmoid unit the one before it. */
  function answer(logits, { temperature, score, threshold }) {
    const both = logits.length === 1 ? [-logits[0] / 2, logits[0] / 2] : Array.from(logits);
    const rejected = score !== null && !(SCORES[score](both) >= threshold);
    return { probabilities: Array.from(softmax(both.map((z) => z / temperature))), rejected };
  }

  return { Network, answer };
})();
