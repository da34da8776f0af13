import sharp, { type OverlayOptions, type Sharp } from "sharp";
import { PlotError } from "../plotError.js";

/** Pixels as they lie in memory: rows from the top, 1 (gray), 3 (RGB) or 4 (RGBA) bytes a pixel. */
export interface RawPicture {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** A picture: pixels, the path of a file, or the bytes of one (PNG, JPEG, WebP, ...). */
export type PictureLike = RawPicture | string | Uint8Array;

/** A picture scaled to its box, as PNG, and its size in pixels. */
export interface FittedPicture {
  readonly png: Buffer;
  readonly width: number;
  readonly height: number;
}

/** How a picture is enlarged: "nearest" keeps pixels square, "smooth" blends them (Lanczos). */
export type Enlarging = "nearest" | "smooth";

/** The longest side of a PNG that librsvg draws. */
const longestSide = 16_384;
/** Pictures up to this size are enlarged by whole factors with sharp edges, as one looks at digits and icons. */
const smallSide = 40;

/**
 * Draws an SVG as PNG, `scale` pixels for each of its own; on a background it is opaque to the last pixel.
 * @throws PlotError when that is too large
 */
export async function rasterize(svg: string, scale: number, background?: string): Promise<Buffer> {
  // SVG counts 96 pixels an inch in CSS, and sharp 72 points.
  const image = sharp(Buffer.from(svg), { density: 72 * scale, unlimited: true, limitInputPixels: false });
  try {
    if (background !== undefined) image.flatten({ background });
    return await image.png({ compressionLevel: 9 }).toBuffer();
  } catch (cause) {
    throw new PlotError("renderPng", `the picture cannot be drawn at scale ${scale}. Try a smaller one.`, { cause });
  }
}

/**
 * A picture as large as it can be in a square box, upright (EXIF), in sRGB, its shape kept.
 * @throws PlotError naming `name` when it cannot be read
 */
export async function fitPicture(
  picture: PictureLike,
  { box, enlarging, name }: { box: number; enlarging: Enlarging | undefined; name: string },
): Promise<FittedPicture> {
  const opened = open(picture, name);
  try {
    // The pixels first, because turning by EXIF has to come before measuring.
    const upright = await opened
      .autoOrient()
      .toColourspace("srgb")
      .png({ compressionLevel: 1 })
      .toBuffer({ resolveWithObject: true });
    const { width, height } = upright.info;
    const way = enlarging ?? (Math.max(width, height) <= smallSide ? "nearest" : "smooth");
    const factor = box / Math.max(width, height);
    // Whole factors only, or some pixels would come out wider than others.
    const scale = way === "nearest" && factor >= 1 ? Math.floor(factor) : factor;
    const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
    const kernel = way === "nearest" && factor >= 1 ? "nearest" : "lanczos3";
    const png = await sharp(upright.data)
      .resize({ ...size, fit: "fill", kernel })
      .png({ compressionLevel: 1 })
      .toBuffer();
    return { png, ...size };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new PlotError("pictureSheet", `${name} cannot be read: ${reason}. Leave it out, or mend the file.`, {
      cause,
    });
  }
}

/** Lays pictures over an SVG, and a second SVG over them, all in pixels of the result. */
export async function compose(
  back: string,
  pictures: readonly { readonly png: Buffer; readonly left: number; readonly top: number }[],
  front: string,
  { scale, background }: { scale: number; background: string },
): Promise<Buffer> {
  const layers: OverlayOptions[] = pictures.map(({ png, left, top }) => ({ input: png, left, top }));
  layers.push({ input: await rasterize(front, scale), left: 0, top: 0 });
  const base = sharp(await rasterize(back, scale, background)).composite(layers);
  return base.removeAlpha().png({ compressionLevel: 9 }).toBuffer();
}

/** @throws PlotError when a sheet of this size, in pixels, cannot be drawn */
export function checkSheetSize(width: number, height: number): void {
  if (Math.max(width, height) <= longestSide) return;
  const size = `${width} x ${height} pixels`;
  throw new PlotError(
    "pictureSheet",
    `the sheet would be ${size}, and ${longestSide} is the most. Give fewer pictures.`,
  );
}

function open(picture: PictureLike, name: string): Sharp {
  if (typeof picture === "string" || picture instanceof Uint8Array) return sharp(picture);
  const { data, width, height } = picture;
  const channels = data.length / (width * height);
  if (channels === 1 || channels === 3 || channels === 4) return sharp(data, { raw: { width, height, channels } });
  const size = `${data.length} bytes for ${width} x ${height} pixels`;
  throw new PlotError("pictureSheet", `${name} has ${size}. Give 1, 3 or 4 bytes a pixel (gray, RGB, RGBA).`);
}
