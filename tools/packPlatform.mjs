// `npm run pack:platform [-- --target linux-arm64 --out DIR --glibc X]`: builds the native addon and makes the package that brings it
// prebuilt to users of one platform (by default this machine's), for `npm run release`. docs/releasing.md says what is built where.
// CXX names the compiler, which has to be a cross compiler when the target is not this machine.
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildAddon } from "../packages/tensor/kernels/buildAddon.mjs";
import { findCompiler } from "../packages/tensor/kernels/compiler.mjs";
import { assemblePlatform } from "./release/platformPackage.mjs";
import { capture, ensureInstalled, root } from "./workspace.mjs";

const { values } = parseArgs({
  options: {
    target: { type: "string", default: `${process.platform}-${process.arch}` },
    out: { type: "string", default: join(root, "out", "platforms") },
    glibc: { type: "string" },
  },
});

ensureInstalled();
const compiler = findCompiler();
if (compiler === undefined) throw new Error("no C++ compiler answers: set CXX, or put one on the PATH");
const { target } = values;
const [platform, arch] = target.split("-");
const { addon } = await buildAddon({
  compiler,
  folder: join(root, "packages", "tensor", "build", target),
  platform,
  arch,
});
if (target === `${process.platform}-${process.arch}`) {
  // It has to load where it was built; what it computes is what the tests ask.
  capture(process.execPath, ["-e", `require(${JSON.stringify(addon)}).supports("avx2")`]);
}
const glibc = values.glibc === undefined ? undefined : Number(values.glibc);
const made = assemblePlatform({ addon, target, folder: resolve(values.out), glibc });
console.log(`made ${made}`);
