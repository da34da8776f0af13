import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import sharp from "sharp";

const require = createRequire(import.meta.url);

/** The drawing styles, each an npm package of SVG pictures. */
const styles = { noto: "noto", twemoji: "twemoji", fluent: "fluent-emoji-flat", openmoji: "openmoji" } as const;

interface IconSet {
  icons: Record<string, { body: string; width?: number; height?: number; left?: number; top?: number }>;
  aliases?: Record<string, { parent: string }>;
  width?: number;
  height?: number;
}

/** A drawing of a concept (its code points) in a style. */
interface Drawing {
  style: string;
  concept: string;
  name: string;
  svg: string;
  /** Its width in user units, one pixel each at 72 dots an inch. */
  units: number;
}

/** What `emojiFolder` made. */
export interface EmojiFolder {
  path: string;
  concepts: number;
  train: number;
  valid: number;
}

/** Skin tones repeat one drawing in five colours: they would put near-copies on both sides of the split. */
const skinTone = /1f3f[b-f]/;

function drawings(style: string, set: string): Drawing[] {
  const folder = dirname(require.resolve(`@iconify-json/${set}/package.json`));
  const icons = require(join(folder, "icons.json")) as IconSet;
  const chars = require(join(folder, "chars.json")) as Record<string, string>;
  const found = new Map<string, Drawing>();
  for (const [points, name] of Object.entries(chars)) {
    if (skinTone.test(points)) continue;
    const icon = icons.icons[name] ?? icons.icons[icons.aliases?.[name]?.parent ?? ""];
    if (!icon) continue;
    const width = icon.width ?? icons.width ?? 16;
    const height = icon.height ?? icons.height ?? 16;
    const box = `${icon.left ?? 0} ${icon.top ?? 0} ${width} ${height}`;
    const concept = points.replace(/-?fe0f/g, "");
    found.set(concept, {
      style,
      concept,
      name,
      units: width,
      svg: `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${box}">${icon.body}</svg>`,
    });
  }
  return [...found.values()];
}

/** Every drawing of a concept that at least two designers drew: what one alone drew would give its style away by subject. */
function sharedDrawings(): Drawing[] {
  const all = Object.entries(styles).flatMap(([style, set]) => drawings(style, set));
  const drawn = new Map<string, number>();
  for (const { concept } of all) drawn.set(concept, (drawn.get(concept) ?? 0) + 1);
  return all.filter(({ concept }) => drawn.get(concept)! >= 2);
}

/** A fifth of the concepts, the same whatever the order of the lists: an FNV-1a hash of the code points decides. */
function heldOut(concept: string): boolean {
  let hash = 0x811c9dc5;
  for (const c of concept) hash = Math.imul(hash ^ c.charCodeAt(0), 0x01000193);
  return (hash >>> 8) % 5 === 0;
}

/**
 * Makes `path` with train/STYLE/*.png and valid/STYLE/*.png from the emoji of four designers: pictures of `size` pixels on
 * white. A fifth of the concepts is held out of all four styles, so that validation asks about things never seen. A folder
 * that is complete is left as it is; an interrupted one is never taken for whole.
 */
export async function emojiFolder(
  path: string,
  { size = 64, onProgress }: { size?: number; onProgress?: (done: number, of: number) => void } = {},
): Promise<EmojiFolder> {
  const all = sharedDrawings();
  const valid = all.filter((d) => heldOut(d.concept)).length;
  const result = { path, concepts: new Set(all.map((d) => d.concept)).size, train: all.length - valid, valid };
  if (existsSync(path)) return result;
  const unfinished = `${path}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  for (const part of ["train", "valid"])
    for (const style of Object.keys(styles)) await mkdir(join(unfinished, part, style), { recursive: true });
  let next = 0;
  let done = 0;
  const draw = async () => {
    while (next < all.length) {
      const { style, concept, name, svg, units } = all[next++]!;
      const file = join(unfinished, heldOut(concept) ? "valid" : "train", style, `${name}.png`);
      const png = await sharp(Buffer.from(svg), { density: 72 * Math.max(1, (2 * size) / units) })
        .resize(size, size, { fit: "contain", background: "#fff" })
        .flatten({ background: "#fff" })
        .png()
        .toBuffer();
      await writeFile(file, png);
      onProgress?.(++done, all.length);
    }
  };
  await Promise.all([draw(), draw(), draw(), draw()]);
  await rename(unfinished, path);
  return result;
}
