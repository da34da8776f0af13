// `node tools/testArm64.mjs` tests the NEON kernels without an arm64 machine: it records what the kernel tests run (with the
// results of the plan interpreter), compiles the kernels with $ARM64_CXX (else aarch64-linux-gnu-g++) and replays them in
// $QEMU (else qemu-aarch64-static). An optional lane; on Debian it needs g++-aarch64-linux-gnu and qemu-user-static.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelFlags, sources } from "../packages/tensor/kernels/sources.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

const compiler = process.env.ARM64_CXX || "aarch64-linux-gnu-g++";
const emulator = process.env.QEMU || "qemu-aarch64-static";

/** @param {string} command @param {string[]} args @param {Record<string, string>} [env] */
function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "fai-arm64-"));
try {
  const records = join(folder, "records");
  run("npx", ["vitest", "run", "packages/tensor/test/kernels"], { FAI_RECORD: records });
  if (!existsSync(records)) throw new Error("the kernel tests recorded nothing");
  const objects = ["kernels.cc", "poolNative.cc", "replay.cc"].map((name) => {
    const object = join(folder, `${name}.o`);
    const flags =
      name === "kernels.cc" ? [...kernelFlags, "-DFAI_ISA=neon"] : ["-std=c++17", "-O2", "-DREPLAY=fai_run_neon"];
    run(compiler, [...flags, "-c", join(sources, name), "-o", object]);
    return object;
  });
  const program = join(folder, "replay");
  run(compiler, ["-static", "-pthread", ...objects, "-o", program]);
  run(emulator, [program, records]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
