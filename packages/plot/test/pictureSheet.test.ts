import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { palettes } from "../src/index.js";
import { type PictureSheetOptions, pictureSheet, type RawPicture } from "../src/node/index.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fai-sheet-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A picture of one color, as bytes of `channels` a pixel. */
function plain(width: number, height: number, color: readonly number[]): RawPicture {
  const data = Uint8Array.from({ length: width * height * color.length }, (_, index) => color[index % color.length]);
  return { data, width, height };
}

/** The pixels of a sheet, at one pixel a unit unless told otherwise. */
async function draw(options: PictureSheetOptions) {
  const { data, info } = await sharp(await pictureSheet({ scale: 1, ...options }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
  return { ...info, at };
}

const hex = (color: string) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
// The layout: a margin of 28, then boxes with 20 between them.
const left = 28;

describe("pictureSheet", () => {
  test("gray, RGB, RGBA, files and their bytes stand side by side", async () => {
    const path = join(folder, "file.jpg");
    const file = sharp({ create: { width: 50, height: 50, channels: 3, background: "#00ff00" } });
    await file.clone().jpeg().toFile(path);
    const images = [
      plain(2, 2, [200]),
      plain(2, 2, [255, 0, 0]),
      plain(2, 2, [0, 0, 255, 255]),
      path,
      await file.png().toBuffer(),
    ];
    const sheet = await draw({ pictures: images.map((image) => ({ image })), columns: 5, cell: 40 });
    expect([sheet.width, sheet.height, sheet.channels]).toEqual([2 * 28 + 5 * 60 - 20, 2 * 28 + 40, 3]);
    const middles = images.map((_, index) => sheet.at(left + index * 60 + 20, 48));
    expect(middles[0]).toEqual([200, 200, 200]);
    expect(middles[1]).toEqual([255, 0, 0]);
    expect(middles[2]).toEqual([0, 0, 255]);
    for (const [r, g, b] of middles.slice(3)) expect(r < 8 && g > 247 && b < 8).toBe(true);
  });

  test.each(["light", "dark"] as const)("every shape is shown whole, on the mat of the theme: %s", async (theme) => {
    const { surface, background } = palettes[theme];
    const wide = await draw({ pictures: [{ image: plain(200, 50, [255, 0, 0]) }], cell: 100, theme });
    expect(wide.at(2, 2)).toEqual(hex(background));
    expect(wide.at(left + 50, 28 + 20)).toEqual(hex(surface));
    expect(wide.at(left + 5, 28 + 50)).toEqual([255, 0, 0]);
    expect(wide.at(left + 95, 28 + 50)).toEqual([255, 0, 0]);
    const tall = await draw({ pictures: [{ image: plain(50, 200, [255, 0, 0]) }], cell: 100, theme });
    expect(tall.at(left + 20, 28 + 50)).toEqual(hex(surface));
    expect(tall.at(left + 50, 28 + 5)).toEqual([255, 0, 0]);
  });

  test("small pictures keep square pixels unless asked to be smooth", async () => {
    const image: RawPicture = { data: Uint8Array.from([0, 255]), width: 2, height: 1 };
    const crisp = await draw({ pictures: [{ image }], cell: 100 });
    expect([crisp.at(left + 49, 78)[0], crisp.at(left + 50, 78)[0]]).toEqual([0, 255]);
    const smooth = await draw({ pictures: [{ image }], cell: 100, enlarging: "smooth" });
    expect(smooth.at(left + 49, 78)[0]).toBeGreaterThan(60);
  });

  test("EXIF turns a picture upright", async () => {
    const bytes = await sharp({ create: { width: 40, height: 20, channels: 3, background: "#f00" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const sheet = await draw({ pictures: [{ image: bytes }], cell: 100 });
    expect(sheet.at(left + 50, 28 + 4)[0]).toBeGreaterThan(240);
    expect(sheet.at(left + 10, 28 + 50)).toEqual(hex(palettes.light.surface));
  });

  test("titles take room below, tones frame, and the scale multiplies", async () => {
    const image = plain(8, 8, [10, 120, 200]);
    const bare = await draw({ pictures: [{ image }, { image }], cell: 64 });
    const named = await draw({ pictures: [{ image, title: "noto", tone: "bad" }, { image }], cell: 64 });
    expect(named.height - bare.height).toBe(8 + 18);
    expect(named.at(left - 1, 28 + 32)).toEqual(hex(palettes.light.bad));
    expect(bare.at(left - 1, 28 + 32)).toEqual(hex(palettes.light.background));
    const large = await draw({ pictures: [{ image }, { image }], cell: 64, scale: 2 });
    expect([large.width, large.height]).toEqual([2 * bare.width, 2 * bare.height]);
  });

  test("a heading is drawn, and long titles stay inside their sheet", async () => {
    const image = plain(8, 8, [10, 120, 200]);
    const title = "a title that is much longer than the picture is wide, and longer, and longer still".repeat(3);
    const sheet = await draw({ pictures: [{ image, title, subtitle: title }], cell: 64, title, subtitle: title });
    expect(sheet.width).toBe(560 + 2 * 28);
    const margin = Array.from({ length: sheet.height }, (_, y) => sheet.at(sheet.width - 10, y));
    expect(new Set(margin.flat())).toEqual(new Set([255]));
    const heading = Array.from({ length: 200 }, (_, x) => sheet.at(left + x, 28 + 10)[0]);
    expect(Math.min(...heading)).toBeLessThan(100);
  });

  test("what cannot be drawn is named", async () => {
    const image = plain(2, 2, [1]);
    const broken = join(folder, "broken.jpg");
    await writeFile(broken, "no picture");
    await expect(pictureSheet({ pictures: [] })).rejects.toThrow("[pictureSheet] there is no picture");
    await expect(pictureSheet({ pictures: [{ image }, { image: broken }] })).rejects.toThrow(
      /picture 1 \(.*broken\.jpg\)/,
    );
    await expect(pictureSheet({ pictures: [{ image: join(folder, "none.png") }] })).rejects.toThrow("none.png");
    const odd = { data: new Uint8Array(10), width: 2, height: 2 };
    await expect(pictureSheet({ pictures: [{ image: odd, title: "cat" }] })).rejects.toThrow(
      "picture 0 (cat) has 10 bytes for 2 x 2 pixels",
    );
    await expect(pictureSheet({ pictures: [{ image }], columns: 0 })).rejects.toThrow("columns is 0");
    await expect(pictureSheet({ pictures: [{ image }], cell: 3.5 })).rejects.toThrow("cell is 3.5");
    const many = Array.from({ length: 200 }, () => ({ image }));
    await expect(pictureSheet({ pictures: many, columns: 200 })).rejects.toThrow("Give fewer pictures");
  });
});
