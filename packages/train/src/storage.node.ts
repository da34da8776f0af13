import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TensorError } from "@fai/tensor";
import type { NamedTensors, SafetensorsContent } from "@fai/tensor/io";
import { decodeSafetensors } from "@fai/tensor/io";
import { loadSafetensors, saveSafetensors } from "@fai/tensor/io/node";
import { download } from "./download.js";

/** Writes a safetensors file, whole or not at all; the folder is made when it is missing. */
export async function writeTensors(
  path: string,
  tensors: NamedTensors,
  metadata: Record<string, string> = {},
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await saveSafetensors(path, tensors, { metadata });
}

/** Reads a safetensors file. */
export async function readTensors(path: string): Promise<SafetensorsContent> {
  return loadSafetensors(path);
}

/** Reads a safetensors file from a path or from the network. */
export async function fetchTensors(source: string | URL): Promise<SafetensorsContent> {
  const text = String(source);
  if (/^(https?|data|blob):/.test(text)) return decodeSafetensors(await download(text));
  try {
    return decodeSafetensors(new Uint8Array(await readFile(text.startsWith("file:") ? new URL(text) : source)));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause;
    throw new TensorError("loadPredictor", `${text} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/** Adds text to the end of a file, which is made when it is missing. */
export async function appendText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, text);
}

/** Whether there is a file. */
export function hasFile(path: string): boolean {
  return existsSync(path);
}

/** A file in a folder. */
export function fileIn(folder: string, name: string): string {
  return join(folder, name);
}

/** Removes what a process that was killed in the middle of writing `path` left beside it. */
export async function removeUnfinished(path: string): Promise<void> {
  const folder = dirname(path);
  if (!existsSync(folder)) return;
  for (const file of await readdir(folder)) {
    if (file.startsWith(`.${basename(path)}.`) && file.endsWith(".tmp")) await rm(join(folder, file), { force: true });
  }
}
