/* What the first bytes of an image file say: its format, its size, and how it is turned.
 *
 * Looked at before anything is decoded, so that a huge picture is refused in time. Orientation is EXIF's, as Pillow
 * finds it: the tag, else the same in XMP.
 */
"use strict";

globalThis.ConvsmithHeaders = (() => {
  const text = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, Math.min(to, bytes.length)));
  const big = (bytes, at, count) => {
    let found = 0;
    for (let n = 0; n < count; n++) found = found * 256 + (bytes[at + n] || 0);
    return found;
  };
  const little = (bytes, at, count) => {
    let found = 0;
    for (let n = count - 1; n >= 0; n--) found = found * 256 + (bytes[at + n] || 0);
    return found;
  };

  /* EXIF's orientation in a block that begins with TIFF's header; 0 where it says none. */
  function orientationOf(tiff) {
    const order = text(tiff, 0, 2), read = order === "II" ? little : big;
    if (order !== "II" && order !== "MM") return 0;
    const table = read(tiff, 4, 4), count = read(tiff, table, 2);
    for (let n = 0; n < count && table + 2 + n * 12 + 12 <= tiff.length; n++) {
      const at = table + 2 + n * 12;
      if (read(tiff, at, 2) === 0x0112) return read(tiff, at + 8, read(tiff, at + 2, 2) === 4 ? 4 : 2);
    }
    return 0;
  }

  function orientationInXmp(bytes) {
    const found = /tiff:Orientation(?:="|>)([0-9])/.exec(new TextDecoder().decode(bytes));
    return found ? Number(found[1]) : 0;
  }

  const turned = (exif, xmp) => {
    const found = exif || xmp || 1;
    return found >= 1 && found <= 8 ? found : 1;
  };

  function jpeg(bytes) {
    let at = 2, exif = 0, xmp = 0;
    while (at + 4 <= bytes.length) {
      if (bytes[at] !== 0xff) return null;
      const marker = bytes[at + 1];
      if (marker === 0xff) { at++; continue; }
      const length = big(bytes, at + 2, 2), begin = at + 4, end = at + 2 + length;
      if (marker === 0xe1 && text(bytes, begin, begin + 6) === "Exif\0\0")
        exif = exif || orientationOf(bytes.subarray(begin + 6, end));
      else if (marker === 0xe1 && text(bytes, begin, begin + 28) === "http://ns.adobe.com/xap/1.0/")
        xmp = xmp || orientationInXmp(bytes.subarray(begin + 29, end));
      else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
        const channels = bytes[begin + 5];
        return {
          format: "JPEG", rows: big(bytes, begin + 1, 2), columns: big(bytes, begin + 3, 2), channels,
          orientation: turned(exif, xmp),
        };
      } else if (marker === 0xda || marker === 0xd9) return null;
      at = end;
    }
    return null;
  }

  function png(bytes) {
    let exif = 0, xmp = 0;
    for (let at = 8; at + 12 <= bytes.length; ) {
      const length = big(bytes, at, 4), name = text(bytes, at + 4, at + 8), own = bytes.subarray(at + 8, at + 8 + length);
      if (name === "eXIf") exif = orientationOf(own);
      if (name === "iTXt" && text(own, 0, 17) === "XML:com.adobe.xmp") xmp = orientationInXmp(own);
      if (name === "IEND") break;
      at += 12 + length;
    }
    return { format: "PNG", rows: big(bytes, 20, 4), columns: big(bytes, 16, 4), orientation: turned(exif, xmp) };
  }

  function webp(bytes) {
    let rows = 0, columns = 0, exif = 0, xmp = 0;
    for (let at = 12; at + 8 <= bytes.length; ) {
      const name = text(bytes, at, at + 4), length = little(bytes, at + 4, 4), begin = at + 8;
      const own = bytes.subarray(begin, begin + length);
      if (name === "VP8X") [columns, rows] = [little(own, 4, 3) + 1, little(own, 7, 3) + 1];
      else if (name === "VP8 " && !rows) [columns, rows] = [little(own, 6, 2) & 0x3fff, little(own, 8, 2) & 0x3fff];
      else if (name === "VP8L" && !rows) {
        const packed = little(own, 1, 4);
        [columns, rows] = [(packed & 0x3fff) + 1, (Math.floor(packed / 0x4000) & 0x3fff) + 1];
      } else if (name === "EXIF") exif = orientationOf(text(own, 0, 6) === "Exif\0\0" ? own.subarray(6) : own);
      else if (name === "XMP ") xmp = orientationInXmp(own);
      at = begin + length + (length % 2);
    }
    return { format: "WebP", rows, columns, orientation: turned(exif, xmp) };
  }

  /* { format, rows, columns, orientation } of a file's bytes, as stored; null where they are not known here. */
  function looked(bytes) {
    if (big(bytes, 0, 3) === 0xffd8ff) return jpeg(bytes);
    if (big(bytes, 0, 4) === 0x89504e47) return png(bytes);
    if (text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP") return webp(bytes);
    if (text(bytes, 0, 4) === "GIF8")
      return { format: "GIF", rows: little(bytes, 8, 2), columns: little(bytes, 6, 2), orientation: 1 };
    if (text(bytes, 0, 2) === "BM")
      return { format: "BMP", rows: little(bytes, 22, 4), columns: little(bytes, 18, 4), orientation: 1 };
    return null;
  }

  return { looked };
})();
