import { TensorError } from "@fai/tensor";

/** Browsers have no files: encode the state dict and offer the bytes for download. */
export async function writeWeights(): Promise<void> {
  throw new TensorError("save", "a browser has no files. Use encodeSafetensors(await stateDict(model)) of @fai/tensor/io and offer the bytes for download.");
}

/** Browsers have no files: fetch the bytes and decode them. */
export async function readWeights(): Promise<void> {
  throw new TensorError("load", "a browser has no files. Use loadStateDict(model, decodeSafetensors(bytes).tensors) of @fai/tensor/io on fetched bytes.");
}
