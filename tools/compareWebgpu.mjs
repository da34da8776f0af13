// `node tools/compareWebgpu.mjs [rounds]`: our WebGPU kernels and those of TensorFlow.js and jax-js, side by side on the
// same software adapter. The competitors are installed into a temporary folder, outside of the workspace.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTypeScript } from "./runTypeScript.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

const competitors = ["@tensorflow/tfjs-core@4.22.0", "@tensorflow/tfjs-backend-webgpu@4.22.0", "@jax-js/jax@0.1.25"];

ensureInstalled();
const given = process.env.FAI_COMPETITORS;
const folder = given ?? mkdtempSync(join(tmpdir(), "fai-competitors-"));
if (!given) {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...competitors];
  execFileSync("npm", args, { cwd: folder, stdio: "inherit", shell: process.platform === "win32" });
}
process.env.FAI_COMPETITORS = folder;
process.exitCode = runTypeScript(join(root, "tools/compare/webgpu.ts"), process.argv.slice(2));
if (!given) rmSync(folder, { recursive: true, force: true });
