// Builds the native CPU addon when this machine has a C++ compiler. It never fails: without the addon, WASM runs.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled, root, run } from "./workspace.mjs";

/** The C++ compiler on the PATH ($CXX first), or undefined. */
function findCompiler() {
  const names = [process.env.CXX, "c++", "g++", "clang++"];
  return names.find((name) => name && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

/** Builds what the machine can build; the build script itself skips what did not change and says what it did. */
export function setup() {
  const script = join(root, "packages", "tensor", "kernels", "build.mjs");
  if (!existsSync(script)) return;
  const compiler = findCompiler();
  if (compiler === undefined) console.log("No C++ compiler on the PATH: the WASM kernels will run");
  else run(process.execPath, [script], { env: { ...process.env, CXX: compiler } });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  setup();
}
