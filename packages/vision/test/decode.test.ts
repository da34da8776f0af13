import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DecodeOptions, decodeImage, findBadImages, ImageDataError, readImageHeader } from "../src/index.js";
import { noise, paint, quarters, raw, temporaryFolder } from "./pictureFiles.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder[Symbol.dispose]());

/** The start of a PNG file of any size. */
function pngStart(width: number, height: number): Buffer {
  const header = Buffer.alloc(17);
  header.write("IHDR");
  header.writeUInt32BE(width, 4);
  header.writeUInt32BE(height, 8);
  header.set([8, 2, 0, 0, 0], 12);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(13);
  checksum.writeUInt32BE(crc32(header));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    length,
    header,
    checksum,
    Buffer.from([0, 0, 0, 9]),
    Buffer.from("IDAT"),
  ]);
}

/** The checksum of PNG's chunks (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

beforeAll(async () => {
  const [wide, tall] = [quarters(40, 20), quarters(16, 16)];
  const color = paint(40, 20, () => [200, 100, 50]);
  await raw(wide, 40, 20).png().toFile(at("wide.png"));
  await raw(tall, 16, 16).png().toFile(at("square.png"));
  await raw(quarters(20, 40), 20, 40)
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
    .toFile(at("rotated.jpg"));
  await raw(color, 40, 20).toColourspace("cmyk").jpeg({ quality: 100 }).toFile(at("cmyk.jpg"));
  await raw(color, 40, 20).toColourspace("rgb16").png().toFile(at("deep.png"));
  await raw(
    paint(40, 20, () => [90, 90, 90]),
    40,
    20,
  )
    .toColourspace("b-w")
    .png()
    .toFile(at("gray.png"));
  await sharp({ create: { width: 8, height: 8, channels: 4, background: { r: 0, g: 0, b: 255, alpha: 0.5 } } })
    .png()
    .toFile(at("alpha.png"));
  const frames = Buffer.concat([paint(8, 8, () => [255, 0, 0]), paint(8, 8, () => [0, 0, 255])]);
  const animation = () => sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } });
  await animation().gif().toFile(at("moving.gif"));
  await animation().webp({ lossless: true }).toFile(at("moving.webp"));
  await raw(color, 40, 20).avif({ lossless: true }).toFile(at("a.avif"));
  await raw(color, 40, 20).tiff().toFile(at("a.tiff"));
  await raw(color, 40, 20).png({ palette: true }).toFile(at("palette.png"));

  const jpeg = await raw(noise(60, 60), 60, 60).jpeg().toBuffer();
  const png = await raw(noise(60, 60), 60, 60).png().toBuffer();
  const webp = await raw(noise(60, 60), 60, 60).webp().toBuffer();
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2);
  writeFileSync(at("whole.jpg"), jpeg);
  writeFileSync(at("padded.jpg"), Buffer.concat([jpeg, Buffer.alloc(50)]));
  writeFileSync(at("trailer.jpg"), Buffer.concat([jpeg, Buffer.from("camera notes")]));
  writeFileSync(at("cut.jpg"), half(jpeg));
  writeFileSync(at("cut.png"), half(png));
  writeFileSync(at("cut.webp"), half(webp));
  writeFileSync(at("cut.tiff"), half(await raw(noise(60, 60), 60, 60).tiff().toBuffer()));
  writeFileSync(at("empty.jpg"), "");
  writeFileSync(at("text.jpg"), "this is no picture");
  writeFileSync(at("huge.png"), pngStart(40_000, 30_000));
  writeFileSync(at("locked.jpg"), jpeg);
  chmodSync(at("locked.jpg"), 0);
  chmodSync(folder.path, 0o755);
});

/** The colors of the four quarters' middles. */
async function corners(name: string, options: Partial<DecodeOptions> = {}) {
  const size = 16;
  const pixels = await decodeImage(at(name), { size, ...options });
  expect(pixels).toHaveLength(size * size * 3);
  const pixel = (x: number, y: number) => [...pixels.subarray((y * size + x) * 3, (y * size + x) * 3 + 3)];
  return [pixel(3, 3), pixel(12, 3), pixel(3, 12), pixel(12, 12)].map(nameOf);
}

/** The nearest of the colors in play. */
function nameOf(rgb: number[]): string {
  const colors = {
    red: [255, 0, 0],
    green: [0, 255, 0],
    blue: [0, 0, 255],
    yellow: [255, 255, 0],
    white: [255, 255, 255],
  };
  const close = Object.entries(colors).find(([, c]) => c.every((v, i) => Math.abs(v - rgb[i]!) < 40));
  return close?.[0] ?? String(rgb);
}

describe("decodeImage", () => {
  test.each([
    ["square.png", {}, ["red", "green", "blue", "yellow"]],
    ["wide.png", { mode: "crop" }, ["red", "green", "blue", "yellow"]],
    ["wide.png", { mode: "squish" }, ["red", "green", "blue", "yellow"]],
    ["wide.png", { mode: "pad" }, ["white", "white", "white", "white"]],
    ["wide.png", { region: { left: 0, top: 0, width: 0.5, height: 0.5 } }, ["red", "red", "red", "red"]],
    [
      "wide.png",
      { region: { left: 0.5, top: 0.5, width: 0.5, height: 0.5 } },
      ["yellow", "yellow", "yellow", "yellow"],
    ],
    // Stored red green / blue yellow, to be turned clockwise: blue red / yellow green.
    ["rotated.jpg", {}, ["blue", "red", "yellow", "green"]],
    ["rotated.jpg", { region: { left: 0, top: 0, width: 0.5, height: 1 } }, ["blue", "blue", "yellow", "yellow"]],
    ["moving.gif", {}, ["red", "red", "red", "red"]],
    ["moving.webp", {}, ["red", "red", "red", "red"]],
  ] as const)("%s %o", async (name, options, expected) => {
    expect(await corners(name, options)).toEqual(expected);
  });

  test.each([
    ["cmyk.jpg", [200, 100, 50], 40],
    ["deep.png", [200, 100, 50], 1],
    ["gray.png", [90, 90, 90], 0],
    ["alpha.png", [127, 127, 255], 1],
    ["a.avif", [200, 100, 50], 1],
    ["a.tiff", [200, 100, 50], 0],
    ["palette.png", [200, 100, 50], 2],
    ["trailer.jpg", undefined, 0],
  ] as const)("%s becomes RGB bytes", async (name, color, tolerance) => {
    const pixels = await decodeImage(at(name), { size: 4 });
    expect(pixels).toHaveLength(48);
    if (color)
      for (const [i, value] of pixels.entries()) expect(Math.abs(value - color[i % 3]!)).toBeLessThanOrEqual(tolerance);
  });

  test("a square of the same size comes out bit for bit: nothing is interpolated without need", async () => {
    expect([...(await decodeImage(at("square.png"), { size: 16 }))]).toEqual([...quarters(16, 16)]);
  });

  const bad = [
    ["cut.jpg", "is damaged or cut off. Get it anew, or delete it."],
    ["cut.png", "is damaged or cut off"],
    ["cut.webp", "is damaged or cut off"],
    ["cut.tiff", "holds no picture that can be read: it is damaged, or"],
    ["empty.jpg", "is empty (0 bytes). Get it anew, or delete it."],
    [
      "text.jpg",
      "holds no picture that can be read: it is damaged, or no JPEG, PNG, WebP, GIF, AVIF or TIFF whatever its name says. Get it anew, convert it, or delete it.",
    ],
    ["missing.jpg", "is not there. Was it moved or deleted"],
    [
      "huge.png",
      "is 40000 x 30000 pixels (1,200,000,000 pixels), and the limit is 268,435,456. Make it smaller, or raise pixelLimit.",
    ],
  ] as const;

  test.each(bad)("%s %s", async (name, says) => {
    const decoding = decodeImage(at(name), { size: 8 });
    await expect(decoding).rejects.toThrow(ImageDataError);
    await expect(decoding).rejects.toThrow(`${at(name)} ${says}`);
    await expect(decoding).rejects.toMatchObject({ path: at(name), name: "ImageDataError" });
  });

  test("findBadImages names the same ones from headers and endings alone, in order, and takes what is odd but whole", async () => {
    const good = [
      "square.png",
      "wide.png",
      "rotated.jpg",
      "cmyk.jpg",
      "deep.png",
      "gray.png",
      "alpha.png",
      "moving.gif",
      "moving.webp",
      "a.avif",
      "a.tiff",
      "palette.png",
      "whole.jpg",
      "padded.jpg",
      "trailer.jpg",
    ];
    const all = bad
      .flatMap(([name], i) => [good[i]!, name])
      .concat(good.slice(bad.length))
      .map(at);
    const counts: number[] = [];
    const found = await findBadImages(all, { onProgress: (done, of) => counts.push(done / of) });
    expect(found.map(({ path }) => path)).toEqual(bad.map(([name]) => at(name)));
    for (const [i, { reason }] of found.entries()) expect(reason).toContain(bad[i]![1]);
    expect(counts).toHaveLength(all.length);
    expect(counts.at(-1)).toBe(1);
  });

  test("a limit of one's own, by option", async () => {
    expect(await readImageHeader(at("rotated.jpg"))).toEqual({ width: 40, height: 20, format: "jpeg" });
    await expect(readImageHeader(at("rotated.jpg"), { pixelLimit: 799 })).rejects.toThrow(
      "is 40 x 20 pixels (800 pixels), and the limit is 799.",
    );
    await expect(decodeImage(at("wide.png"), { size: 8, pixelLimit: 799 })).rejects.toThrow(
      "is 40 x 20 pixels (800 pixels), and the limit is 799.",
    );
    expect(await findBadImages([at("wide.png")], { pixelLimit: 800 })).toEqual([]);
    expect(await findBadImages([at("wide.png")], { pixelLimit: 799 })).toHaveLength(1);
  });

  test("a picture without permission is named", async () => {
    const superuser = process.geteuid?.() === 0;
    if (superuser) process.seteuid!(65_534); // the superuser may read everything
    try {
      await expect(decodeImage(at("locked.jpg"), { size: 8 })).rejects.toThrow(
        `${at("locked.jpg")} may not be read: permission denied.`,
      );
    } finally {
      if (superuser) process.seteuid!(0);
    }
  });
});
