import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTool } from "./compiler.mjs";

/** Where the published package keeps its copy of Node-API's headers, so that users who compile need no further package. */
const packed = fileURLToPath(new URL("../dist/node-api/", import.meta.url));

/** The folder with `include` and `def` of Node-API: the package's copy, or the development dependency. */
export function nodeApiFolder() {
  if (existsSync(packed)) return packed;
  return dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json"));
}

/** Copies what a build needs of `node-api-headers`, with its licence, into `dist`; part of the package's build. */
export function packNodeApi() {
  const from = dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json"));
  mkdirSync(packed, { recursive: true });
  for (const name of ["include", "def", "LICENSE"]) cpSync(join(from, name), join(packed, name), { recursive: true });
}

/**
 * Makes the library that an addon for Windows is linked with: it says which functions `node.exe` has. An addon finds them only in a
 * process whose program is called that. Needs `dlltool` of MinGW or `llvm-dlltool` of LLVM ($DLLTOOL names another).
 * @param {string} arch
 * @param {string} folder where it is written
 * @param {string} compiler
 * @returns {Promise<string>} its path
 */
export async function makeNodeLibrary(arch, folder, compiler) {
  const def = join(folder, "node.def");
  const names = ["js_native_api", "node_api"].map((name) =>
    readFileSync(join(nodeApiFolder(), "def", `${name}.def`), "utf8"),
  );
  const functions = names.flatMap((text) =>
    text.split(/\r?\n/).filter((line) => /^\w+$/.test(line) && line !== "EXPORTS"),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(def, ["NAME NODE.EXE", "EXPORTS", ...functions, ""].join("\n"));
  const library = join(folder, "node.lib");
  await runTool(findDlltool(compiler), ["-m", arch === "x64" ? "i386:x86-64" : "arm64", "-d", def, "-l", library]);
  return library;
}

/** @param {string} compiler */
function findDlltool(compiler) {
  // x86_64-w64-mingw32-g++ goes with x86_64-w64-mingw32-dlltool.
  const prefix = /^(.*-)(?:g|clang|c)\+\+[^/\\]*$/.exec(compiler)?.[1];
  const names = [process.env.DLLTOOL, prefix && `${prefix}dlltool`, "llvm-dlltool", "dlltool"].filter((name) => !!name);
  const found = names.find(
    (name) => spawnSync(/** @type {string} */ (name), ["--version"], { stdio: "ignore" }).error === undefined,
  );
  if (found === undefined) {
    throw new Error(`none of ${names.join(", ")} is on the PATH. Install LLVM or MinGW, or set DLLTOOL`);
  }
  return /** @type {string} */ (found);
}
