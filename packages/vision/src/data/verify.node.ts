import { open } from "node:fs/promises";
import { decodeImage, readImageHeader } from "./decode.node.js";
import { ImageDataError, type SkippedPicture } from "./imageDataError.js";

/** Options of `findBadImages`. */
export interface VerifyOptions {
  /** "header" reads headers and endings (about 0.2 ms a picture), "decode" every pixel ("header"). */
  depth?: "header" | "decode";
  /** Pictures with more pixels are bad. */
  pixelLimit?: number;
  /** Called after each picture. */
  onProgress?: (done: number, of: number) => void;
}

/** Pictures looked at at once: enough to keep the decoders' threads busy. */
const atOnce = 8;

/**
 * The pictures that cannot be read, in their order, with the reason: missing, empty, no picture, cut off, too large. "header"
 * finds pictures that are cut off by their ending; damage in the middle shows only when they are decoded.
 */
export async function findBadImages(
  paths: readonly string[],
  { depth = "header", pixelLimit, onProgress }: VerifyOptions = {},
): Promise<SkippedPicture[]> {
  const options = pixelLimit === undefined ? {} : { pixelLimit };
  const found: (SkippedPicture | undefined)[] = [];
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < paths.length) {
      const i = next++;
      found[i] = await problemOf(paths[i]!, depth, options);
      onProgress?.(++done, paths.length);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return found.filter((bad) => bad !== undefined);
}

async function problemOf(
  path: string,
  depth: "header" | "decode",
  options: { pixelLimit?: number },
): Promise<SkippedPicture | undefined> {
  try {
    const { format } = await readImageHeader(path, options);
    if (depth === "decode" || !(await endsWell(path, format))) await decodeImage(path, { size: 8, ...options });
    return undefined;
  } catch (error) {
    if (!(error instanceof ImageDataError)) throw error;
    return { path, reason: error.problem };
  }
}

/** Whether a file ends as its format does; what cannot be told from there counts as not. Reading the header of a GIF or WebP reads its end. */
async function endsWell(path: string, format: string): Promise<boolean> {
  if (format === "gif" || format === "webp") return true;
  if (format !== "jpeg" && format !== "png") return false;
  const ending = await lastBytes(path, 256);
  if (format === "png") return ending.toString("latin1", ending.length - 8, ending.length - 4) === "IEND";
  let end = ending.length;
  while (end > 0 && ending[end - 1] === 0) end--; // some cameras fill up with zeros
  return ending[end - 2] === 0xff && ending[end - 1] === 0xd9;
}

async function lastBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(count, size));
    await file.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes;
  } finally {
    await file.close();
  }
}
