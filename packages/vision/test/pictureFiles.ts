import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";

/** A temporary folder that is deleted at the end of the test: `using folder = temporaryFolder()`. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "fai-vision-"));
  return {
    path,
    /** Writes empty files (or folders, for names that end in "/"), which is all that a scan looks at. */
    make(...names: string[]): string {
      for (const name of names) {
        mkdirSync(join(path, name.endsWith("/") ? name : dirname(name)), { recursive: true });
        if (!name.endsWith("/")) writeFileSync(join(path, name), "");
      }
      return path;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Bytes [height, width, 3] by a function of the place. */
export function paint(width: number, height: number, color: (x: number, y: number) => readonly number[]): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) pixels.set(color(x, y), (y * width + x) * 3);
  return pixels;
}

/** sharp on raw RGB pixels. */
export function raw(pixels: Uint8Array, width: number, height: number) {
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** Red, green, blue and yellow quarters: shows rotations, flips and crops. */
export const quarters = (width: number, height: number) =>
  paint(width, height, (x, y) => {
    const right = x >= width / 2;
    if (y < height / 2) return right ? [0, 255, 0] : [255, 0, 0];
    return right ? [255, 255, 0] : [0, 0, 255];
  });

/** A picture that compresses badly, so that half of its file is far from whole. */
export const noise = (width: number, height: number) =>
  paint(width, height, (x, y) => [(x * 37 + y * 91) & 255, (x * x + y) & 255, (x * y * 7) & 255]);

/** Writes PNG files of plain colors below `root`: name -> color. */
export async function plainPictures(
  root: string,
  pictures: Readonly<Record<string, readonly number[]>>,
  side = 8,
): Promise<void> {
  for (const [name, color] of Object.entries(pictures)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    await raw(
      paint(side, side, () => color),
      side,
      side,
    )
      .png()
      .toFile(join(root, name));
  }
}
