import { leaf } from "@fai/tensor";
import type { ImagePredictor, Prediction } from "../models/predictor.js";
import { decodeImage } from "./decode.node.js";

const batchSize = 64;

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
