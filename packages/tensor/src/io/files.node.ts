import { randomUUID } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TensorError } from "../errors.js";
import {
  type DecodeOptions,
  decodeSafetensors,
  type EncodeOptions,
  encodeSafetensors,
  type NamedTensors,
  type SafetensorsContent,
} from "./safetensors.js";

export { loadPytorch } from "./pytorchFile.node.js";

/**
 * Writes `tensors` to a safetensors file. The file at `path` is either the old or the complete new one, also when the process
 * or the machine stops midway: a temporary file in the same folder is written, synced and renamed.
 */
export async function saveSafetensors(path: string, tensors: NamedTensors, options: EncodeOptions = {}): Promise<void> {
  const bytes = await encodeSafetensors(tensors, options);
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new TensorError("saveSafetensors", `${path} could not be written: ${messageOf(cause)}.`, { cause });
  }
  await syncFolder(folder);
}

/** The tensors and metadata of the safetensors file at `path`; a damaged file is refused (see `decodeSafetensors`). */
export async function loadSafetensors(path: string, options: DecodeOptions = {}): Promise<SafetensorsContent> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new TensorError("loadSafetensors", `${path} could not be read: ${messageOf(cause)}.`, { cause });
  }
  try {
    return decodeSafetensors(bytes, options);
  } catch (cause) {
    throw new TensorError("loadSafetensors", `${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Makes the renaming outlast a power cut. Where folders cannot be opened or synced (Windows), renaming is all there is. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (!["EPERM", "EISDIR", "EINVAL", "EACCES", "ENOTSUP"].includes(code)) throw cause;
  } finally {
    await handle?.close();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
