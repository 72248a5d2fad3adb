/* The operators of a network, in typed arrays, without a library.
 *
 * They have LiteRT's names and layouts, as convsmith/device/js_program.py writes them: images are 1 x rows x columns x
 * channels, kernels have the output channel first. Sums are kept in 64 bits and stored in 32. Each takes (settings,
 * inputs, output) and writes the output's numbers.
 */
"use strict";

globalThis.ConvsmithOperators = (() => {
  const TILE = 32; // places whose patches are multiplied at a time: they stay in the cache

  const cut = (x, low, high) => (x < low ? low : x > high ? high : x);
  const bounds = (fused) => (fused === "RELU" ? [0, Infinity] : fused === "RELU6" ? [0, 6] : [-Infinity, Infinity]);

  /* to[p, f] = bias[f] + sum of patches[p, k] * kernel[f, k], cut off; two places and four filters at a time. */
  function multiply(patches, from, count, length, kernel, first, filters, bias, start, to, at, wide, low, high) {
    let f = 0;
    for (; f + 4 <= filters; f += 4) {
      const k0 = first + f * length, k1 = k0 + length, k2 = k1 + length, k3 = k2 + length;
      let p = 0;
      for (; p + 2 <= count; p += 2) {
        const x0 = from + p * length, x1 = x0 + length;
        let a0 = bias[start + f], a1 = bias[start + f + 1], a2 = bias[start + f + 2], a3 = bias[start + f + 3];
        let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
        for (let k = 0; k < length; k++) {
          const a = patches[x0 + k], b = patches[x1 + k];
          const w0 = kernel[k0 + k], w1 = kernel[k1 + k], w2 = kernel[k2 + k], w3 = kernel[k3 + k];
          a0 += a * w0; b0 += b * w0;
          a1 += a * w1; b1 += b * w1;
          a2 += a * w2; b2 += b * w2;
          a3 += a * w3; b3 += b * w3;
        }
        const y0 = at + p * wide + f, y1 = y0 + wide;
        to[y0] = cut(a0, low, high); to[y1] = cut(b0, low, high);
        to[y0 + 1] = cut(a1, low, high); to[y1 + 1] = cut(b1, low, high);
        to[y0 + 2] = cut(a2, low, high); to[y1 + 2] = cut(b2, low, high);
        to[y0 + 3] = cut(a3, low, high); to[y1 + 3] = cut(b3, low, high);
      }
      if (p < count) single(patches, from, p, p + 1, length, kernel, first, f, f + 4, bias, start, to, at, wide, low, high);
    }
    single(patches, from, 0, count, length, kernel, first, f, filters, bias, start, to, at, wide, low, high);
  }

  /* The same, one number at a time: for what the blocks of four and two leave over. */
  function single(patches, from, p, count, length, kernel, first, f, filters, bias, start, to, at, wide, low, high) {
    for (; p < count; p++) {
      const x = from + p * length;
      for (let g = f; g < filters; g++) {
        const w = first + g * length;
        let sum = bias[start + g];
        for (let k = 0; k < length; k++) sum += patches[x + k] * kernel[w + k];
        to[at + p * wide + g] = cut(sum, low, high);
      }
    }
  }

  /* The windows of `count` places from place `start` on, each as one row of `patches`; outside are zeros. */
  function gather(op, x, out, kh, kw, each, skip, start, count, patches) {
    const [, rows, columns, depth] = x.shape, wide = out.shape[2], data = x.data;
    const [sh, sw] = op.strides, [dh, dw] = op.dilation, [top, left] = op.before;
    let to = 0;
    for (let p = start; p < start + count; p++) {
      const row = Math.floor(p / wide) * sh - top, column = (p % wide) * sw - left;
      const whole = dw === 1 && each === depth && column >= 0 && column + kw <= columns;
      for (let i = 0; i < kh; i++) {
        const r = row + i * dh;
        if (r < 0 || r >= rows) {
          patches.fill(0, to, to + kw * each);
          to += kw * each;
        } else if (whole) {
          let at = (r * columns + column) * depth;
          for (const end = to + kw * each; to < end; ) patches[to++] = data[at++];
        } else {
          for (let j = 0; j < kw; j++) {
            const c = column + j * dw;
            let at = (r * columns + c) * depth + skip;
            const inside = c >= 0 && c < columns;
            for (const end = to + each; to < end; ) patches[to++] = inside ? data[at++] : 0;
          }
        }
      }
    }
  }

  function convolution(op, [x, kernel, bias], out) {
    const depth = x.shape[3], [filters, kh, kw, each] = kernel.shape;
    const [low, high] = bounds(op.fused), groups = depth / each, per = filters / groups, length = kh * kw * each;
    const places = out.shape[1] * out.shape[2];
    const plain = length === depth && op.strides[0] === 1 && op.strides[1] === 1; // a 1x1 window is its own patch
    const patches = plain ? x.data : new Float32Array(TILE * length);
    for (let group = 0; group < groups; group++) {
      for (let start = 0; start < places; start += TILE) {
        const count = Math.min(TILE, places - start);
        if (!plain) gather(op, x, out, kh, kw, each, group * each, start, count, patches);
        multiply(patches, plain ? start * length : 0, count, length, kernel.data, group * per * length, per, bias.data,
          group * per, out.data, start * filters + group * per, filters, low, high);
      }
    }
  }

  /* Calls visit(place, row, column) for each place of a window of kh x kw that lies inside the image. */
  function windows(op, x, out, kh, kw, begin, visit, end) {
    const [, rows, columns] = x.shape, [sh, sw] = op.strides, [dh, dw] = op.dilation || [1, 1], [top, left] = op.before;
    for (let r = 0, place = 0; r < out.shape[1]; r++) {
      for (let c = 0; c < out.shape[2]; c++, place++) {
        begin();
        for (let i = 0; i < kh; i++) {
          const y = r * sh + i * dh - top;
          if (y < 0 || y >= rows) continue;
          for (let j = 0; j < kw; j++) {
            const z = c * sw + j * dw - left;
            if (z >= 0 && z < columns) visit((y * columns + z) * x.shape[3], i * kw + j);
          }
        }
        end(place);
      }
    }
  }

  function depthwise(op, [x, kernel, bias], out) {
    const [, kh, kw, filters] = kernel.shape, times = op.multiplier, [low, high] = bounds(op.fused);
    const sums = new Float64Array(filters), data = x.data, weights = kernel.data, to = out.data;
    windows(op, x, out, kh, kw,
      () => sums.set(bias.data),
      (at, tap) => {
        const w = tap * filters;
        if (times === 1) for (let f = 0; f < filters; f++) sums[f] += weights[w + f] * data[at + f];
        else for (let f = 0; f < filters; f++) sums[f] += weights[w + f] * data[at + Math.floor(f / times)];
      },
      (place) => {
        for (let f = 0; f < filters; f++) to[place * filters + f] = cut(sums[f], low, high);
      });
  }

  function transposed(op, [, kernel, x, bias], out) {
    const [, rows, columns, depth] = x.shape, [filters, kh, kw] = kernel.shape;
    const [, outRows, outColumns] = out.shape, [sh, sw] = op.strides, [top, left] = op.before;
    for (let r = 0, to = 0; r < outRows; r++) {
      for (let c = 0; c < outColumns; c++) {
        for (let f = 0; f < filters; f++, to++) {
          let sum = bias.data[f];
          for (let i = 0; i < kh; i++) {
            const y = r + top - i;
            if (y < 0 || y % sh || y / sh >= rows) continue;
            for (let j = 0; j < kw; j++) {
              const z = c + left - j;
              if (z < 0 || z % sw || z / sw >= columns) continue;
              const at = ((y / sh) * columns + z / sw) * depth, w = ((f * kh + i) * kw + j) * depth;
              for (let d = 0; d < depth; d++) sum += kernel.data[w + d] * x.data[at + d];
            }
          }
          out.data[to] = sum;
        }
      }
    }
  }

  function connected(op, [x, kernel, bias], out) {
    const [units, depth] = kernel.shape, [low, high] = bounds(op.fused);
    multiply(x.data, 0, 1, depth, kernel.data, 0, units, bias.data, 0, out.data, 0, units, low, high);
  }

  function maxPool(op, [x], out) {
    const depth = x.shape[3], most = new Float32Array(depth);
    windows(op, x, out, ...op.window,
      () => most.fill(-Infinity),
      (at) => { for (let d = 0; d < depth; d++) if (x.data[at + d] > most[d]) most[d] = x.data[at + d]; },
      (place) => out.data.set(most, place * depth));
  }

  function averagePool(op, [x], out) {
    const depth = x.shape[3], sums = new Float64Array(depth);
    let count = 0;
    windows(op, x, out, ...op.window,
      () => { sums.fill(0); count = 0; },
      (at) => { count++; for (let d = 0; d < depth; d++) sums[d] += x.data[at + d]; },
      (place) => { for (let d = 0; d < depth; d++) out.data[place * depth + d] = sums[d] / count; });
  }

  /* One number for each channel, from all places. */
  const reduced = (first, step, last) => (op, [x], out) => {
    const depth = x.shape[3], places = x.shape[1] * x.shape[2];
    for (let d = 0; d < depth; d++) {
      let found = first;
      for (let p = 0; p < places; p++) found = step(found, x.data[p * depth + d]);
      out.data[d] = last(found, places);
    }
  };

  const four = (shape) => [...Array(4 - shape.length).fill(1), ...shape];
  const steps = (shape) => shape.map((size, axis) => (size === 1 ? 0 : shape.slice(axis + 1).reduce((a, b) => a * b, 1)));

  /* Walks the output in order, with the places that it comes from in inputs of these steps for each axis. */
  function walk(shape, a, b, row) {
    let to = 0;
    for (let i = 0; i < shape[0]; i++)
      for (let j = 0; j < shape[1]; j++)
        for (let k = 0; k < shape[2]; k++, to += shape[3])
          row(to, i * a[0] + j * a[1] + k * a[2], i * b[0] + j * b[1] + k * b[2]);
  }

  const between = (kind) => (op, [a, b], out) => {
    const shape = four(out.shape), x = steps(four(a.shape)), y = steps(four(b.shape));
    const [low, high] = bounds(op.fused), u = a.data, v = b.data, to = out.data;
    walk(shape, x, y, (at, from, other) => {
      for (let d = 0; d < shape[3]; d++, from += x[3], other += y[3]) {
        const p = u[from], q = v[other];
        const found = kind === "+" ? p + q : kind === "*" ? p * q : kind === "-" ? p - q
          : kind === ">" ? Math.max(p, q) : kind === "<" ? Math.min(p, q) : p > 0 ? p : p * q;
        to[at + d] = cut(found, low, high);
      }
    });
  };

  const each = (f) => (op, [x], out) => {
    for (let i = 0; i < out.data.length; i++) out.data[i] = f(x.data[i], op);
  };

  function pad(op, [x], out) {
    const [, rows, columns, depth] = x.shape, [top, left] = op.before;
    out.data.fill(0);
    for (let r = 0; r < rows; r++)
      out.data.set(x.data.subarray(r * columns * depth, (r + 1) * columns * depth),
        ((r + top) * out.shape[2] + left) * depth);
  }

  function slice(op, [x], out) {
    const [, , columns, depth] = x.shape, [top, left] = op.before, length = out.shape[2] * depth;
    for (let r = 0; r < out.shape[1]; r++) {
      const at = ((r + top) * columns + left) * depth;
      out.data.set(x.data.subarray(at, at + length), r * length);
    }
  }

  function concatenation(op, inputs, out) {
    const size = (shape) => shape.slice(op.axis).reduce((a, b) => a * b, 1), whole = size(out.shape);
    let start = 0;
    for (const x of inputs) {
      const length = size(x.shape);
      for (let from = 0, to = start; from < x.data.length; from += length, to += whole)
        out.data.set(x.data.subarray(from, from + length), to);
      start += length;
    }
  }

  function transpose(op, [x], out) {
    const shape = four(out.shape), ahead = 4 - out.shape.length;
    const own = x.shape.map((_, axis) => x.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    const from = [...Array(ahead).fill(0), ...op.order.map((axis) => own[axis])];
    walk(shape, from, from, (at, begin) => {
      for (let d = 0; d < shape[3]; d++) out.data[at + d] = x.data[begin + d * from[3]];
    });
  }

  function nearest(op, [x], out) {
    const [, , columns, depth] = x.shape;
    let to = 0;
    for (const r of op.rows)
      for (const c of op.columns)
        for (let d = 0, at = (r * columns + c) * depth; d < depth; d++) out.data[to++] = x.data[at + d];
  }

  function bilinear(op, [x], out) {
    const [, rows, columns, depth] = x.shape, [, outRows, outColumns] = out.shape;
    const place = (n, size, outSize) => {
      const at = Math.max(0, ((n + 0.5) * size) / outSize - 0.5), lower = Math.floor(at);
      return [lower, Math.min(lower + 1, size - 1), at - lower];
    };
    for (let r = 0, to = 0; r < outRows; r++) {
      const [y0, y1, v] = place(r, rows, outRows);
      for (let c = 0; c < outColumns; c++) {
        const [x0, x1, u] = place(c, columns, outColumns);
        const [a, b, e, f] = [[y0, x0], [y0, x1], [y1, x0], [y1, x1]].map(([y, z]) => (y * columns + z) * depth);
        for (let d = 0; d < depth; d++, to++)
          out.data[to] = (x.data[a + d] * (1 - u) + x.data[b + d] * u) * (1 - v)
            + (x.data[e + d] * (1 - u) + x.data[f + d] * u) * v;
      }
    }
  }

  function softmaxRows(op, [x], out) {
    const depth = out.shape[out.shape.length - 1];
    for (let at = 0; at < out.data.length; at += depth)
      out.data.set(softmax(x.data.subarray(at, at + depth)), at);
  }

  function softmax(logits) {
    const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const found = Float64Array.from(logits, (z) => Math.exp(z - most));
    const sum = found.reduce((a, b) => a + b, 0);
    return found.map((p) => p / sum);
  }

  const OPERATORS = {
    ADD: between("+"), AVERAGE_POOL_2D: averagePool, CONCATENATION: concatenation, CONV_2D: convolution,
    DEPTHWISE_CONV_2D: depthwise, ELU: each((x) => (x > 0 ? x : Math.expm1(x))), FULLY_CONNECTED: connected,
    HARD_SWISH: each((x) => (x * cut(x + 3, 0, 6)) / 6), LEAKY_RELU: each((x, op) => (x > 0 ? x : x * op.alpha)),
    LOGISTIC: each((x) => 1 / (1 + Math.exp(-x))), MAXIMUM: between(">"), MAX_POOL_2D: maxPool,
    MEAN: reduced(0, (a, b) => a + b, (sum, count) => sum / count), MINIMUM: between("<"), MUL: between("*"), PAD: pad,
    PRELU: between("p"), REDUCE_MAX: reduced(-Infinity, Math.max, (most) => most), RELU: each((x) => (x > 0 ? x : 0)),
    RELU6: each((x) => cut(x, 0, 6)), RESHAPE: (op, [x], out) => out.data.set(x.data), RESIZE_BILINEAR: bilinear,
    RESIZE_NEAREST_NEIGHBOR: nearest, SLICE: slice, SOFTMAX: softmaxRows, SUB: between("-"), TANH: each(Math.tanh),
    TRANSPOSE: transpose, TRANSPOSE_CONV: transposed,
  };

  return { OPERATORS, softmax };
})();
