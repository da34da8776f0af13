// Builds the Node-API addon build/fai-cpu.node with the machine's C++ compiler ($CXX, else c++). What did not change
// since the last build is not compiled again. Exits with 1 when it could not build; without the addon WASM runs.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashOf, kernelFlags, sources, textOf } from "./sources.mjs";

const built = fileURLToPath(new URL("../build/", import.meta.url));
const objects = join(built, "objects");
const addon = join(built, "fai-cpu.node");
const stamp = join(built, "fai-cpu.hash");
const compiler = process.env.CXX || "c++";

const runtime = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"];
const kernel = [...kernelFlags, "-fPIC"];
const avx512 = ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-mprefer-vector-width=512"];

/** The kernels of each processor, once for each instruction set. @type {Record<string, { name: string, flags: string[] }[]>} */
const kernelUnits = {
  x64: [
    { name: "kernels512", flags: [...kernel, ...avx512, "-DFAI_ISA=avx512"] },
    { name: "kernels256", flags: [...kernel, "-mavx2", "-mfma", "-DFAI_ISA=avx2"] },
  ],
  arm64: [{ name: "kernelsNeon", flags: [...kernel, "-DFAI_ISA=neon"] }],
};

/** Every object of the addon; the big ones come first, so that they compile side by side. */
const units = [
  ...(kernelUnits[process.arch] ?? []).map((unit) => ({ ...unit, source: "kernels.cc" })),
  ...["addon", "engine", "arenaNative", "poolNative", "codeMemory"].map((name) => ({
    name,
    source: `${name}.cc`,
    flags: runtime,
  })),
];

// A build must not depend on which shared C++ library its user has; macOS has one for all.
const linkFlags =
  process.platform === "darwin"
    ? ["-bundle", "-undefined", "dynamic_lookup"]
    : ["-shared", "-pthread", "-static-libstdc++", "-static-libgcc", "-s"];

/** @param {string[]} args @returns {Promise<void>} */
function compile(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(compiler, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => reject(new Error(`${compiler} could not start: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${compiler} failed with ${code}: ${args.join(" ")}`));
    });
  });
}

async function build() {
  if (kernelUnits[process.arch] === undefined) throw new Error(`there are no native kernels for ${process.arch} yet`);
  const headers = join(dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json")), "include");
  const started = Date.now();
  const parts = units.map((unit) => ({
    ...unit,
    object: join(objects, `${unit.name}-${hashOf(compiler, ...unit.flags, textOf(unit.source))}.o`),
  }));
  const hash = hashOf(...linkFlags, ...parts.map((part) => part.object));
  if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) {
    return console.log("the native kernels are up to date");
  }
  mkdirSync(objects, { recursive: true });

  const waiting = parts.filter((part) => !existsSync(part.object));
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const draft = `${part.object}.${process.pid}`;
      await compile([...part.flags, "-I", headers, "-c", join(sources, part.source), "-o", draft]);
      renameSync(draft, part.object);
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));

  // Renamed into place, so that a process that has the old one loaded keeps it whole.
  const draft = `${addon}.${process.pid}`;
  await compile([...linkFlags, ...parts.map((part) => part.object), "-o", draft]);
  renameSync(draft, addon);
  writeFileSync(stamp, hash);
  const kept = new Set(parts.map((part) => part.object));
  for (const path of readdirSync(objects).map((name) => join(objects, name))) {
    // Young ones may belong to a build that runs beside this one.
    if (!kept.has(path) && Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { force: true });
  }
  console.log(`built the native kernels in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

try {
  await build();
} catch (error) {
  console.error(
    `The native kernels were not built, the WASM kernels will run: ${/** @type {Error} */ (error).message}`,
  );
  process.exitCode = 1;
}
