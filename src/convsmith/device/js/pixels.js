/* What a network sees of a picture, from 8-bit pixels on: the arithmetic of Pillow, in whole numbers, to the byte.
 *
 * An image is { pixels, rows, columns, channels }: a Uint8Array of rows x columns x channels. The same steps in the
 * same order as convsmith/data/pixels_in.py: white under what is transparent, upright, grey where one channel is
 * wanted, then squashed to the size.
 */
"use strict";

globalThis.ConvsmithPixels = (() => {
  const BITS = 22; // of the weights' fractions, in Pillow's Resample.c
  const ENOUGH = 4; // convsmith/data/program.py: a JPEG may be halved where so many times the size are left

  /* For each of `to` places along a side of `from` pixels: where its window begins, and its weights (a triangle as
   * wide as the shrinking asks for). */
  function weights(from, to) {
    const scale = from / to, support = Math.max(scale, 1), least = 1 / support;
    const width = Math.ceil(support) * 2 + 1, first = new Int32Array(to), counts = new Int32Array(to);
    const found = new Int32Array(to * width);
    for (let place = 0; place < to; place++) {
      const center = (place + 0.5) * scale;
      const begin = Math.max(0, Math.trunc(center - support + 0.5));
      const count = Math.min(from, Math.trunc(center + support + 0.5)) - begin;
      const own = new Float64Array(count);
      let sum = 0;
      for (let n = 0; n < count; n++) {
        own[n] = Math.max(0, 1 - Math.abs((n + begin - center + 0.5) * least));
        sum += own[n];
      }
      for (let n = 0; n < count; n++) found[place * width + n] = Math.trunc(0.5 + (own[n] / sum) * (1 << BITS));
      first[place] = begin;
      counts[place] = count;
    }
    return { first, counts, found, width };
  }

  /* Pillow's antialiased bilinear filter along one axis: `lines` lines of pixels that lie `step` numbers apart. */
  function along(pixels, out, from, to, lines, line, step, outLine, outStep, channels) {
    const { first, counts, found, width } = weights(from, to);
    for (let place = 0; place < to; place++) {
      const begin = first[place] * step, count = counts[place], own = place * width;
      for (let n = 0; n < lines; n++) {
        for (let channel = 0; channel < channels; channel++) {
          let at = n * line + begin + channel, sum = 1 << (BITS - 1);
          for (let k = 0; k < count; k++, at += step) sum = (sum + pixels[at] * found[own + k]) | 0;
          const value = sum >> BITS;
          out[n * outLine + place * outStep + channel] = value > 255 ? 255 : value;
        }
      }
    }
  }

  function across(image, columns) {
    const { pixels, rows, channels } = image, out = new Uint8Array(rows * columns * channels);
    if (image.columns === columns) return image;
    along(pixels, out, image.columns, columns, rows, image.columns * channels, channels, columns * channels, channels,
      channels);
    return { pixels: out, rows, columns, channels };
  }

  function down(image, rows) {
    const { pixels, columns, channels } = image, row = columns * channels, out = new Uint8Array(rows * row);
    if (image.rows === rows) return image;
    along(pixels, out, image.rows, rows, columns, channels, row, channels, row, channels);
    return { pixels: out, rows, columns, channels };
  }

  /* The image at another size, squashed. pillow: the version whose pixels are wanted; since 13 rows come first where
   * many more of them go than columns, which rounds otherwise. */
  function resized(image, rows, columns, pillow) {
    const fewer = image.rows - rows, rowsFirst = pillow >= 13 && fewer > 0 && fewer > 2 * (image.columns - columns);
    return rowsFirst ? across(down(image, rows), columns) : down(across(image, columns), rows);
  }

  /* Red, green, blue and opacity on white, as Image.alpha_composite has it; three channels. */
  function onWhite(rgba, out = new Uint8Array((rgba.length / 4) * 3), at = 0) {
    for (let from = 0; from < rgba.length; from += 4) {
      const alpha = rgba[from + 3];
      for (let channel = 0; channel < 3; channel++) {
        const value = rgba[from + channel];
        if (alpha === 255) out[at++] = value;
        else {
          const mixed = (value * alpha + 255 * (255 - alpha)) * 128 + (128 << 7);
          out[at++] = (((mixed >> 8) + mixed) >> 8) >> 7;
        }
      }
    }
    return out;
  }

  /* One channel from three: ITU-R 601 in Pillow's whole numbers. */
  function grey({ pixels, rows, columns, channels }) {
    if (channels === 1) return { pixels, rows, columns, channels };
    const out = new Uint8Array(rows * columns);
    for (let n = 0, at = 0; n < out.length; n++, at += 3)
      out[n] = (pixels[at] * 19595 + pixels[at + 1] * 38470 + pixels[at + 2] * 7471 + 0x8000) >> 16;
    return { pixels: out, rows, columns, channels: 1 };
  }

  /* For each of EXIF's ways to store a picture: where its first pixel lies, and the steps down and to the right. */
  const WAYS = [
    (rows, columns) => [0, columns, 1],
    (rows, columns) => [columns - 1, columns, -1],
    (rows, columns) => [rows * columns - 1, -columns, -1],
    (rows, columns) => [(rows - 1) * columns, -columns, 1],
    (rows, columns) => [0, 1, columns],
    (rows, columns) => [(rows - 1) * columns, 1, -columns],
    (rows, columns) => [rows * columns - 1, -1, -columns],
    (rows, columns) => [columns - 1, -1, columns],
  ];

  /* The picture as it is meant to be seen; orientation: EXIF's number, 1 to 8. */
  function upright(image, orientation) {
    if (orientation === 1) return image;
    const { pixels, rows, columns, channels } = image;
    const [first, down, right] = WAYS[orientation - 1](rows, columns);
    const [outRows, outColumns] = orientation < 5 ? [rows, columns] : [columns, rows];
    const out = new Uint8Array(pixels.length);
    for (let r = 0, to = 0; r < outRows; r++) {
      for (let c = 0; c < outColumns; c++) {
        const at = (first + r * down + c * right) * channels;
        for (let channel = 0; channel < channels; channel++) out[to++] = pixels[at + channel];
      }
    }
    return { pixels: out, rows: outRows, columns: outColumns, channels };
  }

  /* What a JPEG is decoded at: 1/1, 1/2, 1/4 or 1/8 of its size, so that four times the network's longer side are
   * left both ways. */
  function shrinking(rows, columns, size) {
    const enough = ENOUGH * Math.max(...size), most = Math.min(Math.floor(rows / enough), Math.floor(columns / enough));
    return [8, 4, 2].find((step) => most >= step) || 1;
  }

  /* Each square of step x step pixels as one, their mean: what libjpeg's decoding at 1/step computes. */
  function averaged(image, step) {
    if (step === 1) return image;
    const { pixels, rows, columns, channels } = image;
    const outRows = Math.ceil(rows / step), outColumns = Math.ceil(columns / step);
    const out = new Uint8Array(outRows * outColumns * channels);
    for (let r = 0, to = 0; r < outRows; r++) {
      const bottom = Math.min(rows, (r + 1) * step);
      for (let c = 0; c < outColumns; c++) {
        const right = Math.min(columns, (c + 1) * step), count = (bottom - r * step) * (right - c * step);
        for (let channel = 0; channel < channels; channel++, to++) {
          let sum = count >> 1;
          for (let y = r * step; y < bottom; y++)
            for (let x = c * step; x < right; x++) sum += pixels[(y * columns + x) * channels + channel];
          out[to] = Math.floor(sum / count);
        }
      }
    }
    return { pixels: out, rows: outRows, columns: outColumns, channels };
  }

  /* The network's numbers of a picture of three channels (or one) that is upright. */
  function seen(image, [rows, columns], channels, pillow) {
    return resized(channels === 1 ? grey(image) : image, rows, columns, pillow).pixels;
  }

  return { resized, onWhite, grey, upright, shrinking, averaged, seen };
})();
