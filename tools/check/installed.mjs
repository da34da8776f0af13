import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { capture, root } from "../workspace.mjs";

/** @typedef {import("./packed.mjs").Packed} Packed */

/** An import slower than this fails; the goal is printed beside the figure, because a busy machine is no fault. */
const importGoalMs = 150;
const importLimitMs = 3 * importGoalMs;

/** What a user of the packed files does first: run in Node as installed, and in Node after bundling for a browser. */
const installedUse = `import { tensor } from "@fai/tensor";
console.log(await tensor([1, 2, 3]).mul(2).sum().item());`;
const bundledUse = `import { Linear } from "@fai/tensor/nn";
import { tensor } from "@fai/tensor";
console.log(String(new Linear(3, 2).forward(tensor([[1, 2, 3]])).shape));`;

/**
 * Installs each package with what it needs of ours into an empty project, imports it in Node and bundles it for a browser.
 * @param {Packed[]} packed
 * @param {string} folder
 * @returns {Promise<string[]>} what is wrong
 */
export async function checkInstalled(packed, folder) {
  const problems = [];
  for (const { name, manifest } of packed) {
    const project = join(folder, "projects", name.replace("@fai/", ""));
    mkdirSync(project, { recursive: true });
    // What the workspace holds back because not every registry has it (docs/dependencies.md) is held back here as well.
    const { overrides } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const empty = { name: "empty", private: true, type: "module", overrides };
    writeFileSync(join(project, "package.json"), JSON.stringify(empty));
    try {
      const ours = closure(name, packed);
      const tarballs = ours.map((needed) => find(packed, needed).tarball);
      capture("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs], { cwd: project });
      problems.push(
        ...unneeded(project, ours, packed).map((extra) => `${name} installs ${extra}, which nothing declares`),
      );
      const entries = Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));
      for (const entry of entries) {
        const specifier = entry.replace(/^\./, name);
        const names = JSON.parse(importInNode(project, specifier));
        const size = isForNode(specifier) ? "for Node alone" : await bundleSize(project, specifier);
        console.log(`✓ ${specifier}: ${names.length} exports in Node, ${size}`);
      }
      if (name === "@fai/tensor") {
        problems.push(...importTimeProblems(project, name));
        problems.push(...(await useProblems(project)));
      }
    } catch (error) {
      problems.push(`${name} in an empty project: ${error instanceof Error ? error.message : error}`);
    }
  }
  return problems;
}

/** @param {Packed[]} packed @param {string} name */
function find(packed, name) {
  const found = packed.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`${name} is no package of this workspace`);
  return found;
}

/**
 * Our packages that installing `name` has to bring: itself, its dependencies and peers, and theirs.
 * @param {string} name
 * @param {Packed[]} packed
 * @returns {string[]}
 */
function closure(name, packed) {
  const { dependencies = {}, peerDependencies = {} } = find(packed, name).manifest;
  const needed = Object.keys({ ...dependencies, ...peerDependencies }).filter((key) => key.startsWith("@fai/"));
  return [...new Set([name, ...needed.flatMap((key) => closure(key, packed))])];
}

/**
 * Packages in the project's node_modules that none of ours asked for, directly or through another package.
 * @param {string} project
 * @param {string[]} ours
 * @param {Packed[]} packed
 */
function unneeded(project, ours, packed) {
  const { packages } = JSON.parse(readFileSync(join(project, "node_modules", ".package-lock.json"), "utf8"));
  const installed = new Map(
    Object.entries(packages).map(([path, entry]) => [path.replace(/^.*node_modules\//, ""), entry]),
  );
  const wanted = new Set(ours);
  for (const name of ours) for (const key of declared(find(packed, name).manifest)) wanted.add(key);
  for (const name of wanted) for (const key of declared(installed.get(name) ?? {})) wanted.add(key);
  return [...installed.keys()].filter((name) => !wanted.has(name));
}

/** @param {any} manifest */
function declared({ dependencies = {}, peerDependencies = {}, optionalDependencies = {} }) {
  return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
}

/** @param {string} project @param {string} specifier @returns the names that it exports, as JSON */
function importInNode(project, specifier) {
  const script = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(specifier)}))))`;
  return capture(process.execPath, ["--input-type=module", "-e", script], { cwd: project });
}

/** These read files; what a browser needs of them is in their `models`. */
const readFiles = ["@fai/vision", "@fai/tabular"];

/** `@fai/plot/node` and the like promise nothing to a browser. @param {string} specifier */
function isForNode(specifier) {
  return specifier.endsWith("/node") || readFiles.includes(specifier);
}

/** @param {string} project @param {string} specifier */
async function bundleSize(project, specifier) {
  const code = await bundle(project, `export * from ${JSON.stringify(specifier)};`);
  return `${(code.length / 1024).toFixed(1)} KB bundled for a browser and minified`;
}

/** @param {string} project @param {string} contents @returns {Promise<string>} the minified browser bundle */
async function bundle(project, contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: project },
    bundle: true,
    minify: true,
    write: false,
    outdir: project,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "silent",
  });
  return outputFiles.map((file) => file.text).join("");
}

/** The core computes as installed, and tree shaking leaves nothing out that it needs. @param {string} project */
async function useProblems(project) {
  const problems = [];
  const sum = capture(process.execPath, ["--input-type=module", "-e", installedUse], { cwd: project }).trim();
  if (sum !== "12") problems.push(`the installed @fai/tensor computes ${sum} where 12 is right`);
  const path = join(project, "bundled.mjs");
  writeFileSync(path, await bundle(project, bundledUse));
  const shape = capture(process.execPath, [path], { cwd: project }).trim();
  if (shape !== "1,2") problems.push(`the bundled @fai/tensor answers shape ${shape} where 1,2 is right`);
  return problems;
}

/** The median over fresh processes of the time that `import(name)` takes. @param {string} project @param {string} name */
function importTimeProblems(project, name) {
  const script = `const t = performance.now(); await import(${JSON.stringify(name)}); console.log(performance.now() - t)`;
  const times = Array.from({ length: 9 }, () =>
    Number(capture(process.execPath, ["--input-type=module", "-e", script], { cwd: project })),
  ).sort((a, b) => a - b);
  const median = times[4];
  console.log(`  import of ${name}: ${median.toFixed(1)} ms, median of 9 processes (goal ${importGoalMs} ms)`);
  return median > importLimitMs ? [`importing ${name} takes ${median.toFixed(0)} ms, more than ${importLimitMs}`] : [];
}
