#!/usr/bin/env node
// `npx fai-build-native`: compiles the native CPU kernels of the installed @fai/tensor with this machine's C++ compiler, for
// platforms that no package with a prebuilt addon exists for.
import { accessSync, constants, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "./buildAddon.mjs";
import { compilerNames, findCompiler } from "./compiler.mjs";

const folder = fileURLToPath(new URL("../build/", import.meta.url));

/** How people get a compiler. @type {Record<string, string>} */
const howToGetOne = {
  linux: "`apt install g++`, `dnf install gcc-c++`, or on Alpine `apk add g++ linux-headers`",
  darwin: "`xcode-select --install`",
  win32: "LLVM with the C++ build tools of Visual Studio, or MinGW-w64",
};

function compilerOrThrow() {
  const compiler = findCompiler();
  if (compiler !== undefined) return compiler;
  if (process.env.CXX) throw new Error(`CXX names ${process.env.CXX}, which does not run. Correct or unset it`);
  const advice = howToGetOne[process.platform] ?? "the package of your system";
  throw new Error(`none of ${compilerNames.join(", ")} is on the PATH. Install a C++ compiler (${advice}), or set CXX`);
}

function checkWritable() {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new Error(`${folder} cannot be written to. Run this as the user who installed the package`, { cause });
  }
}

async function main() {
  if (process.argv.length > 2) {
    console.log("usage: fai-build-native\nCompiles the native CPU kernels of @fai/tensor. CXX names the C++ compiler.");
    process.exitCode = /^(-h|--help)$/.test(process.argv[2] ?? "") ? 0 : 1;
    return;
  }
  const compiler = compilerOrThrow();
  checkWritable();
  console.log(`Compiling the native kernels for ${process.platform} on ${process.arch} with ${compiler}`);
  const { addon, seconds } = await buildAddon({ compiler, folder });
  const { supports } = createRequire(import.meta.url)(addon);
  const isas = ["avx512", "avx2", "neon"].filter((isa) => supports(isa));
  if (isas.length === 0) throw new Error("this processor has none of AVX-512, AVX2 and NEON: WASM is what runs on it");
  // What it was linked from is of no use to a user.
  rmSync(join(folder, "objects"), { recursive: true, force: true });
  const how = seconds === undefined ? "They were there already" : `Built in ${seconds.toFixed(1)} s`;
  console.log(`${how}: ${addon}, for ${isas.join(" and ")}. @fai/tensor uses them from now on.`);
}

try {
  await main();
} catch (error) {
  console.error(`fai-build-native: ${/** @type {Error} */ (error).message}.`);
  process.exitCode = 1;
}
