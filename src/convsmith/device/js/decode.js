/* From an image file or a video's frame to pixels, through the browser's decoders.
 *
 * Pictures are asked for as they are stored, in their own numbers: the browser's turning, colour profiles and scaling
 * would each give other pixels than training saw. What a browser does all the same is found out and taken back.
 */
"use strict";

globalThis.ConvsmithDecode = (() => {
  const MOST_PIXELS = 50_000_000, MOST_BYTES = 200_000_000, STRIP = 1 << 20;
  const AS_STORED = { imageOrientation: "none", colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const BACK = { 6: 8, 8: 6 }; // the other ways to turn a picture undo themselves
  // Pictures of 16 x 8 pixels whose EXIF says that they stand upright when turned to the right.
  const TURNED = {
    JPEG: "/9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUl"
      + "KFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAIABABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQ"
      + "AQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AD//Z",
    PNG: "iVBORw0KGgoAAAANSUhEUgAAABAAAAAICAAAAADVHSBLAAAAGmVYSWZNTQAqAAAACAABARIAAwAAAAEABgAAAAAAANZnS2kAAAARSURBVHjaY2xg"
      + "QAVMDAMiAABISACQTZI0cgAAAABJRU5ErkJggg==",
    WebP: "UklGRlIAAABXRUJQVlA4WAoAAAAIAAAADwAABwAAVlA4TBEAAAAvD8ABAAdQwAIWsP+BiOh/AABFWElGGgAAAE1NACoAAAAIAAEBEgADAAAAAQAG"
      + "AAAAAAAA",
  };

  class Refusal extends Error {}

  const plain = (count) => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");

  const anyway = new Map();
  /* Whether this browser turns pictures of a format as EXIF says though asked not to. */
  async function turnsAnyway(format) {
    if (!anyway.has(format)) {
      const bytes = Uint8Array.from(atob(TURNED[format]), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes]), AS_STORED);
      anyway.set(format, bitmap.width === 8);
      bitmap.close();
    }
    return anyway.get(format);
  }

  function context(columns, rows) {
    const canvas = typeof OffscreenCanvas === "undefined" ? document.createElement("canvas")
      : new OffscreenCanvas(columns, rows);
    canvas.width = columns;
    canvas.height = rows;
    const found = canvas.getContext("2d", { willReadFrequently: true });
    if (!found) throw new Refusal("This browser cannot read a picture's pixels. Try another one.");
    found.imageSmoothingEnabled = false;
    return found;
  }

  /* Whether pixels are read as they were drawn; some browsers change them to hide who is looking. */
  function readsTrue() {
    const drawn = context(16, 16);
    const colours = Array.from({ length: 256 }, (_, n) => [n, (n * 7) & 255, (n * 31) & 255]);
    colours.forEach((colour, n) => {
      drawn.fillStyle = `rgb(${colour.join(" ")})`;
      drawn.fillRect(n & 15, n >> 4, 1, 1);
    });
    const found = drawn.getImageData(0, 0, 16, 16).data;
    return colours.every((colour, n) => colour.every((value, channel) => found[4 * n + channel] === value));
  }

  /* A bitmap's pixels on white, each square of step x step as its mean; in strips, so with little memory. */
  function pixelsOf(bitmap, step) {
    const { onWhite, averaged } = globalThis.ConvsmithPixels, { width: columns, height: rows } = bitmap;
    const outRows = Math.ceil(rows / step), outColumns = Math.ceil(columns / step);
    const high = Math.min(rows, Math.max(8, Math.floor(STRIP / columns / 8) * 8));
    const drawn = context(columns, high), out = new Uint8Array(outRows * outColumns * 3);
    for (let top = 0; top < rows; top += high) {
      const count = Math.min(high, rows - top);
      drawn.clearRect(0, 0, columns, high);
      drawn.drawImage(bitmap, 0, top, columns, count, 0, 0, columns, count);
      const pixels = onWhite(drawn.getImageData(0, 0, columns, count).data);
      out.set(averaged({ pixels, rows: count, columns, channels: 3 }, step).pixels, (top / step) * outColumns * 3);
    }
    return { pixels: out, rows: outRows, columns: outColumns, channels: 3 };
  }

  function sized(rows, columns) {
    if (rows * columns > MOST_PIXELS)
      throw new Refusal(`This picture has ${plain(columns)} × ${plain(rows)} pixels; more than ${plain(MOST_PIXELS / 1e6)}`
        + " million are not read. Make it smaller first.");
  }

  /* The upright picture of a file, of three channels; a large JPEG at 1/2, 1/4 or 1/8 as in training.
   * size: the network's [rows, columns]. */
  async function file(blob, size) {
    const { upright, shrinking, averaged } = globalThis.ConvsmithPixels;
    if (!blob.size) throw new Refusal("This file is empty.");
    if (blob.size > MOST_BYTES) throw new Refusal(`This file has ${plain(blob.size / 1e6)} MB; more than 200 are not read.`);
    const header = globalThis.ConvsmithHeaders.looked(new Uint8Array(await blob.arrayBuffer()));
    if (header) sized(header.rows, header.columns);
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob, AS_STORED);
    } catch {
      throw new Refusal(header ? `This ${header.format} file is damaged: the browser cannot decode it.`
        : "This file is not a picture that this browser reads. JPEG, PNG, WebP, GIF and BMP work.");
    }
    try {
      sized(bitmap.height, bitmap.width);
      const { orientation, format } = header || { orientation: 1 };
      const step = format === "JPEG" ? shrinking(bitmap.height, bitmap.width, size) : 1;
      if (orientation === 1 || !(await turnsAnyway(format)))
        return upright(pixelsOf(bitmap, step), orientation);
      const stored = upright(pixelsOf(bitmap, 1), BACK[orientation] || orientation);
      return upright(averaged(stored, step), orientation);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal("This picture is too large for this browser. Make it smaller first.");
    } finally {
      bitmap.close();
    }
  }

  /* The picture of a bitmap, such as a video's frame. */
  const frame = (bitmap) => pixelsOf(bitmap, 1);

  return { file, frame, readsTrue, Refusal };
})();
