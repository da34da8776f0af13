// `npm run check:packages`: builds and packs every package, then checks what a user would get from the packed files.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkInstalled } from "./check/installed.mjs";
import { checkPacked, packAll } from "./check/packed.mjs";
import { checkPlatforms } from "./check/platforms.mjs";
import { ensureInstalled, runTool } from "./workspace.mjs";

ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "fai-packages-"));
/** @type {string[]} */
const problems = [];

/** @param {string} name @param {string[]} args */
function tool(name, args) {
  if (runTool(name, args) !== 0) problems.push(`${name} ${args.join(" ")}: see above`);
}

tool("nx", ["run-many", "-t", "build"]);
if (problems.length === 0) {
  const packed = packAll(folder);
  problems.push(...(await checkPacked(packed, folder)));
  problems.push(...(await checkInstalled(packed, folder)));
  problems.push(...(await checkPlatforms(folder)));
  tool("knip", ["--no-progress", "--no-config-hints"]);
  tool("size-limit", []);
}
rmSync(folder, { recursive: true, force: true });

for (const problem of problems) console.error(`✗ ${problem}`);
console.log(
  problems.length === 0 ? "check:packages: all packages are sound" : `check:packages: ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
