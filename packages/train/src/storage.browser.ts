import { TensorError } from "@fai/tensor";
import type { NamedTensors, SafetensorsContent } from "@fai/tensor/io";
import { decodeSafetensors } from "@fai/tensor/io";
import { download } from "./download.js";

function noFiles(what: string, hint: string): never {
  throw new TensorError(what, `a browser has no files. ${hint}`);
}

/** Browsers have no files: encode the state dict and offer the bytes for download. */
export async function writeTensors(
  _path: string,
  _tensors: NamedTensors,
  _metadata?: Record<string, string>,
): Promise<void> {
  noFiles("save", "Use encodeSafetensors(await stateDict(model)) of @fai/tensor/io and offer the bytes for download.");
}

/** Browsers have no files: fetch the bytes and decode them. */
export async function readTensors(_path: string): Promise<SafetensorsContent> {
  noFiles("load", "Use loadStateDict(model, decodeSafetensors(bytes).tensors) of @fai/tensor/io on fetched bytes.");
}

/** Reads a safetensors file from the network. */
export async function fetchTensors(source: string | URL): Promise<SafetensorsContent> {
  return decodeSafetensors(await download(source));
}

/** Browsers have no files. */
export async function appendText(_path: string, _text: string): Promise<void> {
  noFiles("csvLog", "Give the log a write function.");
}

/** Browsers have no files. */
export function hasFile(_path: string): boolean {
  return false;
}

/** A file in a folder. */
export function fileIn(folder: string, name: string): string {
  return `${folder}/${name}`;
}

/** Browsers have no files. */
export async function removeUnfinished(_path: string): Promise<void> {}
