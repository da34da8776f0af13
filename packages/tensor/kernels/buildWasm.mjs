// Builds the files of wasm/ with clang 16 or newer and wasm-ld ($CLANG, else clang; wasm-ld has to be beside it or on the
// PATH). The files are committed: run this after a change of the kernels. An optional lane, not part of set-up.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sources, wasmBuilds, wasmHash } from "./sources.mjs";

const compiler = process.env.CLANG || "clang";
const folder = fileURLToPath(new URL("../wasm/", import.meta.url));

/** @param {string[]} args @returns {Promise<void>} */
function clang(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(compiler, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => reject(new Error(`${compiler} could not start: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${compiler} failed with ${code}`));
    });
  });
}

/** A custom section of a WASM file: id 0, size, name, text. Both sizes are below 128, so one byte holds each. */
function customSection(/** @type {string} */ name, /** @type {string} */ text) {
  return Buffer.concat([Buffer.from([0, name.length + 1 + text.length, name.length]), Buffer.from(name + text)]);
}

const draft = mkdtempSync(join(tmpdir(), "fai-wasm-"));
try {
  const started = Date.now();
  mkdirSync(folder, { recursive: true });
  const names = /** @type {(keyof typeof wasmBuilds)[]} */ (Object.keys(wasmBuilds));
  const built = names.map(async (name) => {
    const { compile, link, sources: files } = wasmBuilds[name];
    const out = join(draft, name);
    await clang([...compile, ...files.map((file) => join(sources, file)), ...link.map((it) => `-Wl,${it}`), "-o", out]);
    const file = Buffer.concat([readFileSync(out), customSection("fai-sources", wasmHash(name))]);
    writeFileSync(join(folder, `${name}.wasm`), file);
    console.log(`${name}.wasm: ${(file.length / 1024).toFixed(0)} KiB`);
  });
  await Promise.all(built);
  console.log(`built the WASM kernels in ${((Date.now() - started) / 1000).toFixed(1)} s`);
} finally {
  rmSync(draft, { recursive: true, force: true });
}
