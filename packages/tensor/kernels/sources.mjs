import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the C++ sources. */
export const sources = fileURLToPath(new URL(".", import.meta.url));

/**
 * The text of a source and of every file of this folder that it includes, directly or not.
 * @param {string} name
 * @param {Set<string>} [seen] the files to leave out
 * @returns {string}
 */
export function textOf(name, seen = new Set()) {
  const path = join(sources, name);
  if (seen.has(name) || !existsSync(path)) return "";
  seen.add(name);
  const text = readFileSync(path, "utf8");
  const included = [...text.matchAll(/^\s*#\s*include "([^"]+)"/gm)];
  return text + included.map(([, file]) => textOf(/** @type {string} */ (file), seen)).join("");
}

/** A short hash of texts. @param {string[]} parts */
export function hashOf(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 32);
}

/** The compiler flags of kernels.cc that do not depend on the instruction set. */
export const kernelFlags = [
  ...["-std=c++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"],
  ...["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fvisibility=hidden", "-Wall", "-Wextra"],
];

const wasmCompile = [
  ...kernelFlags,
  ...["--target=wasm32", "-ffreestanding", "-nostdlib", "-msimd128", "-mbulk-memory", "-mnontrapping-fptoint"],
  ...["-mmutable-globals", "-DFAI_ISA=wasm"],
];
const wasmLink = [
  ...["--no-entry", "--import-memory", "--export=__stack_pointer", "--export=__heap_base", "--strip-all"],
  ...["-z", "stack-size=524288", "--initial-memory=4194304", "--max-memory=4294967296"],
];

const threads = ["-matomics", "-DFAI_THREADS"];
// Multiply-add in one instruction, for engines that have it.
const relaxed = ["-mrelaxed-simd", "-DFAI_RELAXED"];
const wasmSources = ["kernels.cc", "wasmEntry.cc"];
const sharedLink = [...wasmLink, "--shared-memory"];

/** The built WASM files by name: what they are compiled from and how. */
export const wasmBuilds = {
  threaded: { sources: wasmSources, compile: [...wasmCompile, ...threads], link: sharedLink },
  single: { sources: wasmSources, compile: wasmCompile, link: wasmLink },
  threadedRelaxed: { sources: wasmSources, compile: [...wasmCompile, ...threads, ...relaxed], link: sharedLink },
  singleRelaxed: { sources: wasmSources, compile: [...wasmCompile, ...relaxed], link: wasmLink },
};

/** The hash that the custom section `fai-sources` of a built WASM file holds. @param {keyof typeof wasmBuilds} name */
export function wasmHash(name) {
  const build = wasmBuilds[name];
  return hashOf(...build.compile, ...build.link, ...build.sources.map((source) => textOf(source)));
}
