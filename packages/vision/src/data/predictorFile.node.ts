import { readFile } from "node:fs/promises";
import { leaf } from "@fai/tensor";
import { stateDict } from "@fai/tensor/io";
import { saveSafetensors } from "@fai/tensor/io/node";
import { type Architecture, ImagePredictor, type Prediction } from "../models/predictor.js";
import { decodeImage } from "./decode.node.js";
import { ImageDataError } from "./imageDataError.js";

/** Writes a predictor to a safetensors file; the old file stays until the new one is whole. */
export async function savePredictor(path: string, predictor: ImagePredictor): Promise<void> {
  await saveSafetensors(path, await stateDict(predictor.model), { metadata: predictor.metadata() });
}

/** The predictor in a file that `savePredictor` wrote: `loadPredictor("styles.safetensors", resnet18)`. Throws when it is of something else. */
export async function loadPredictor(path: string, architecture: Architecture): Promise<ImagePredictor> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new ImageDataError("loadPredictor", path, `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  return ImagePredictor.decode(bytes, architecture);
}

/** What a predictor says of picture files, in their order. Throws an ImageDataError that names a file which cannot be read. */
export async function predictFiles(predictor: ImagePredictor, paths: readonly string[]): Promise<Prediction[]> {
  const { size, mode } = predictor.format;
  const found: Prediction[] = [];
  for (let at = 0; at < paths.length; at += batchSize) {
    const part = paths.slice(at, at + batchSize);
    const pictures = await Promise.all(part.map((path) => decodeImage(path, { size, mode })));
    const pixels = new Uint8Array(part.length * size * size * 3);
    for (const [i, picture] of pictures.entries()) pixels.set(picture, i * picture.length);
    found.push(...(await predictor.predict(leaf(pixels, [part.length, size, size, 3], "u8"))));
  }
  return found;
}

const batchSize = 64;
