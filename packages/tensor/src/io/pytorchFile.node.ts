import { readFile } from "node:fs/promises";
import { TensorError } from "../errors.js";
import { type DecodePytorchOptions, decodePytorch, type PytorchContent } from "./pytorch.js";

/** What the PyTorch file at `path` (.pth, .pt, .bin) holds; nothing in it is executed, and a damaged file is refused (see `decodePytorch`). */
export async function loadPytorch(path: string, options: DecodePytorchOptions = {}): Promise<PytorchContent> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new TensorError(
      "loadPytorch",
      `${path} could not be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
  try {
    return decodePytorch(bytes, options);
  } catch (cause) {
    throw new TensorError("loadPytorch", `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
