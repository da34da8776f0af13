import { open as openFile } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { counted, ImageDataError } from "./imageDataError.js";

/** How a picture becomes a square: its middle ("crop"), all of it distorted ("squish"), or all of it with white bars ("pad"). */
export type ResizeMode = "crop" | "squish" | "pad";

/** A part of a picture, in shares of its width and height. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Options of `decodeImage`. */
export interface DecodeOptions {
  /** Side of the square, in pixels. */
  size: number;
  /** How the picture becomes a square ("crop"). */
  mode?: ResizeMode;
  /** Only this part of the picture is read, and stretched to the square. */
  region?: Region;
  /** Pictures with more pixels are refused (`defaultPixelLimit`). */
  pixelLimit?: number;
}

/** What a picture's header says. */
export interface ImageHeader {
  /** As displayed, after the rotation that the camera noted. */
  readonly width: number;
  readonly height: number;
  /** "jpeg", "png", "webp", "gif", "tiff", "heif" (AVIF). */
  readonly format: string;
}

/** 268 million pixels, a square of 16,384: about a gigabyte once decoded. */
export const defaultPixelLimit = 2 ** 28;

const white = "#ffffff";

/**
 * Decodes a picture file into bytes [size, size, 3] (RGB, row by row): rotated as the camera noted, converted to sRGB, without
 * transparency (on white), the first frame of an animation. Each pixel is interpolated once. Throws an ImageDataError that
 * names the file. Runs on sharp's own threads.
 */
export async function decodeImage(
  path: string,
  { size, mode = "crop", region, pixelLimit = defaultPixelLimit }: DecodeOptions,
): Promise<Uint8Array> {
  try {
    const whole = open(path, pixelLimit).autoOrient();
    const part = region ? whole.extract(await pixelsOf(path, region, pixelLimit)) : whole;
    const { data, info } = await part
      .resize(size, size, { fit: region ? "fill" : fits[mode], background: white })
      .flatten({ background: white })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after the conversion to RGB`);
    return new Uint8Array(data.buffer, data.byteOffset, data.length); // without what Buffer changes about slice()
  } catch (cause) {
    throw await explain(path, cause, pixelLimit);
  }
}

const fits = { crop: "cover", squish: "fill", pad: "contain" } as const;

/** Reads a picture's header alone. Throws an ImageDataError that names the file when that fails or the picture is too large. */
export async function readImageHeader(
  path: string,
  { pixelLimit = defaultPixelLimit }: { pixelLimit?: number } = {},
): Promise<ImageHeader> {
  try {
    const { format, autoOrient } = await open(path, 0).metadata();
    const { width, height } = autoOrient;
    if (width * height > pixelLimit) throw tooLarge(path, width, height, pixelLimit);
    return { width, height, format };
  } catch (cause) {
    throw cause instanceof ImageDataError ? cause : await explain(path, cause, pixelLimit);
  }
}

/** Damage fails; mere oddities that decoders warn of (a stray byte, an unknown tag) do not. Animations give their first frame. */
function open(path: string, pixelLimit: number): Sharp {
  return sharp(path, { failOn: "error", limitInputPixels: pixelLimit === 0 ? false : pixelLimit, pages: 1 });
}

async function pixelsOf(path: string, { left, top, width, height }: Region, pixelLimit: number) {
  const whole = await readImageHeader(path, { pixelLimit });
  const span = (start: number, share: number, pixels: number) => {
    const length = Math.min(pixels, Math.max(1, Math.round(share * pixels)));
    return [Math.min(pixels - length, Math.max(0, Math.round(start * pixels))), length] as const;
  };
  const [x, w] = span(left, width, whole.width);
  const [y, h] = span(top, height, whole.height);
  return { left: x, top: y, width: w, height: h };
}

/** What sharp's message means for the person whose file it is. */
async function explain(path: string, cause: unknown, pixelLimit: number): Promise<ImageDataError> {
  if (cause instanceof ImageDataError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const fail = (what: string) => new ImageDataError("decodeImage", path, `${path} ${what}`, { cause });
  const bytes = await sizeOf(path);
  if (bytes === "ENOENT") return fail("is not there. Was it moved or deleted, or does a link lead nowhere?");
  if (bytes === "EACCES" || bytes === "EPERM")
    return fail("may not be read: permission denied. Give yourself the right to read it (chmod u+r).");
  if (typeof bytes === "string") return fail(`cannot be opened (${bytes}).`);
  if (bytes === 0) return fail("is empty (0 bytes). Get it anew, or delete it.");
  if (/pixel limit/i.test(message)) {
    const { width = 0, height = 0 } = await open(path, 0)
      .metadata()
      .catch(() => ({ width: 0, height: 0 }));
    return tooLarge(path, width, height, pixelLimit, cause);
  }
  if (/unsupported image format/i.test(message)) {
    return fail(
      "holds no picture that can be read: it is damaged, or no JPEG, PNG, WebP, GIF, AVIF or TIFF whatever its name says. Get it anew, convert it, or delete it.",
    );
  }
  // What exactly is wrong is in the cause; when several pictures fail at once, sharp mixes their messages up.
  return fail("is damaged or cut off. Get it anew, or delete it.");
}

/** The size of a file, or the code of what keeps it from being opened. */
async function sizeOf(path: string): Promise<number | string> {
  try {
    const file = await openFile(path);
    try {
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code ?? String(fault);
  }
}

function tooLarge(path: string, width: number, height: number, pixelLimit: number, cause?: unknown): ImageDataError {
  const message = `${path} is ${width} x ${height} pixels (${counted(width * height, "pixel")}), and the limit is ${pixelLimit.toLocaleString("en-US")}. Make it smaller, or raise pixelLimit.`;
  return new ImageDataError("decodeImage", path, message, { cause });
}
