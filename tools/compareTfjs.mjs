// `node tools/compareTfjs.mjs` times matrix products and convolutions of our WASM kernels and of @tensorflow/tfjs-backend-wasm
// in turns, both with one thread, then ours with two. tfjs is installed into a temporary folder, outside the workspace.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTypeScript } from "./runTypeScript.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

const version = "4.22.0";
const measured = ["matmul 512x512x512", "matmul 1024x1024x1024", "64->64 at", "128->128 at"];

ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "fai-tfjs-"));
try {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const packages = ["tfjs-core", "tfjs-backend-wasm"].map((name) => `@tensorflow/${name}@${version}`);
  const npm = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages], {
    cwd: folder,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) throw new Error("npm could not install tfjs");
  copyFileSync(join(root, "bench/ops/tfjs.mjs"), join(folder, "tfjs.mjs"));
  const bench = join(root, "bench/ops.bench.ts");
  const options = ["--backend", "wasm", ...measured.flatMap((name) => ["--only", name]), ...process.argv.slice(2)];
  const alone = runTypeScript(bench, [...options, "--threads", "1", "--vs", `node ${join(folder, "tfjs.mjs")}`]);
  console.log("with two threads:");
  process.exitCode = Math.max(alone, runTypeScript(bench, [...options, "--threads", "2"]));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
