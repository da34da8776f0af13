// Builds the native CPU addon when this machine has a C++ compiler. It never fails: without the addon, WASM runs.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler } from "../packages/tensor/kernels/compiler.mjs";
import { ensureInstalled, root, run } from "./workspace.mjs";

/** Builds what the machine can build; the build script itself skips what did not change and says what it did. */
export function setup() {
  const script = join(root, "packages", "tensor", "kernels", "build.mjs");
  const compiler = findCompiler();
  if (compiler === undefined) console.log("No C++ compiler (CXX, or on the PATH): the WASM kernels will run");
  else run(process.execPath, [script], { env: { ...process.env, CXX: compiler } });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  setup();
}
