import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prebuiltTargets } from "../../packages/tensor/kernels/targets.mjs";
import { assemblePlatform } from "../release/platformPackage.mjs";
import { root } from "../workspace.mjs";
import { startRegistry } from "./registry.mjs";

const use = `import { backend, tensor } from "@fai/tensor";
const product = tensor([[1, 2], [3, 4]]).matmul(tensor([[5, 6], [7, 8]]));
console.log(String(await product.data()), "|", backend().about);`;
const right = "19,22,43,50 | ";

/**
 * Publishes a release to a registry on this machine and installs it by name, as users do: with the prebuilt addon of this platform,
 * with a damaged one, without one, and with one that `fai-build-native` compiles.
 * @param {string} folder
 * @returns {Promise<string[]>} what is wrong
 */
export async function checkPlatforms(folder) {
  const target = `${process.platform}-${process.arch}`;
  const addon = join(root, "packages", "tensor", "build", "fai-cpu.node");
  if (!existsSync(addon) || !prebuiltTargets.includes(target)) {
    console.log(`  no native build of ${target}: its package is not tried`);
    return [];
  }
  /** @type {string[]} */
  const problems = [];
  const platforms = join(folder, "platforms");
  for (const it of prebuiltTargets) {
    const file = it === target ? addon : standIn(it, folder);
    assemblePlatform({ addon: file, target: it, folder: platforms, glibc: Number.POSITIVE_INFINITY });
  }
  const registry = await startRegistry();
  const project = join(folder, "released");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "released", private: true, type: "module" }));
  writeFileSync(join(project, "use.js"), use);
  /** @param {string} command @param {string[]} args @param {Record<string, string>} [env] */
  const run = (command, args, env = {}) => runHere(command, args, project, { ...registry.environment, ...env });
  try {
    const release = [
      join(root, "tools", "release.mjs"),
      "--platforms",
      platforms,
      "--registry",
      registry.url,
      "--no-tag",
    ];
    problems.push(...failed("npm run release", await run(process.execPath, release)));
    problems.push(...failed("a second release", await run(process.execPath, release), "is published already"));
    problems.push(
      ...failed("npm install @fai/tensor", await run("npm", ["install", "@fai/tensor", "--registry", registry.url])),
    );
    const installed = prebuiltTargets.filter((it) => existsSync(join(project, "node_modules", "@fai", `tensor-${it}`)));
    if (String(installed) !== target) problems.push(`npm installs the packages for ${installed}, expected ${target}`);
    if (problems.length === 0) problems.push(...(await checkAddons(project, target, run)));
  } finally {
    registry.close();
  }
  if (problems.length === 0) console.log(`✓ released to a local registry and installed with the addon for ${target}`);
  return problems;
}

/** @typedef {{ code: number | null, said: string }} Result */

/** @param {string} project @param {string} target @param {(command: string, args: string[], env?: Record<string, string>) => Promise<Result>} run */
async function checkAddons(project, target, run) {
  const name = `the package @fai/tensor-${target}`;
  const installed = join(project, "node_modules", "@fai", `tensor-${target}`);
  const addon = join(installed, "fai-cpu.node");
  const manifest = join(installed, "package.json");
  const [bytes, text] = [readFileSync(addon), readFileSync(manifest, "utf8")];
  const compute = () => run(process.execPath, ["use.js"]);
  const onWasm = `${right}wasm`;
  const problems = failed("the prebuilt addon", await compute(), `${right}native`, `from ${name}`);

  writeFileSync(addon, bytes.subarray(0, 5000));
  problems.push(...failed("an addon cut short", await compute(), "FAI_NATIVE", onWasm, "has 5000 bytes in place of"));
  writeFileSync(addon, Buffer.alloc(bytes.length, 7));
  problems.push(...failed("a damaged addon", await compute(), "FAI_NATIVE", onWasm, `${name} does not load (`));
  writeFileSync(addon, bytes);
  writeFileSync(manifest, text.replace(/"version": "[^"]+"/, '"version": "99.0.0"'));
  problems.push(...failed("an addon of another version", await compute(), onWasm, `${name} is version 99.0.0, but`));
  rmSync(installed, { recursive: true });
  const without = await compute();
  problems.push(...failed("no addon", without, onWasm, `${name} is not installed`, "fai-build-native"));
  if (without.said.includes("Warning")) problems.push(`a missing addon is no reason to warn:\n${without.said}`);

  const build = join(project, "node_modules", "@fai", "tensor", "kernels", "buildNative.mjs");
  const nowhere = await run(process.execPath, [build], { PATH: project, CXX: "" });
  if (nowhere.code !== 1 || !nowhere.said.includes("Install a C++ compiler")) {
    problems.push(`fai-build-native without a compiler ends with ${nowhere.code}:\n${nowhere.said}`);
  }
  problems.push(...failed("fai-build-native", await run("npx", ["--no-install", "fai-build-native"]), "from now on"));
  problems.push(
    ...failed("the addon built there", await compute(), `${right}native`, "from the build in the package's folder"),
  );
  return problems;
}

/** A file that begins as a library for the platform does, and holds nothing. @param {string} target @param {string} folder */
function standIn(target, folder) {
  const [platform, arch] = target.split("-");
  const head = Buffer.alloc(512);
  if (platform === "linux") {
    head.writeUInt32BE(0x7f454c46, 0);
    head.writeUInt16LE(arch === "x64" ? 62 : 183, 18);
  } else if (platform === "darwin") {
    head.writeUInt32LE(0xfeedfacf, 0);
    head.writeUInt32LE(arch === "x64" ? 0x01000007 : 0x0100000c, 4);
  } else {
    head.write("MZ");
    head.writeUInt32LE(128, 60);
    head.write("PE", 128);
    head.writeUInt16LE(arch === "x64" ? 0x8664 : 0xaa64, 132);
  }
  const path = join(folder, `${target}.node`);
  writeFileSync(path, head);
  return path;
}

/**
 * Not synchronous, because the registry answers from this process.
 * @param {string} command @param {string[]} args @param {string} cwd @param {Record<string, string>} env
 * @returns {Promise<Result>}
 */
function runHere(command, args, cwd, env) {
  const shell = process.platform === "win32" && command !== process.execPath;
  const child = spawn(command, args, { cwd, shell, env: { ...process.env, FAI_BACKEND: "", FAI_ISA: "", ...env } });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (said += data));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, said }));
  });
}

/** @param {string} what @param {Result} result @param {string[]} expected what it has to say */
function failed(what, { code, said }, ...expected) {
  const missing = expected.filter((text) => !said.includes(text));
  return code === 0 && missing.length === 0
    ? []
    : [`${what}: ended with ${code}, without "${missing.join('", "')}":\n${said}`];
}
