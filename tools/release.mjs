// `npm run release -- [--platforms DIR] [--without TARGET,...] [--registry URL] [--no-tag] [--dry-run]`: publishes what is not published yet, in
// this order: the packages with prebuilt addons (made by `npm run pack:platform` on their machines and gathered in DIR), @fai/tensor
// with these as optional dependencies, the other packages. It ends by tagging the versions. docs/releasing.md has the whole way.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prebuiltTargets } from "../packages/tensor/kernels/targets.mjs";
import { packAll } from "./check/packed.mjs";
import { addPlatforms, platformPackages } from "./release/platformPackage.mjs";
import { capture, ensureInstalled, root, runTool } from "./workspace.mjs";

const { values } = parseArgs({
  options: {
    platforms: { type: "string", default: join(root, "out", "platforms") },
    without: { type: "string", default: "" },
    registry: { type: "string" },
    "no-tag": { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
  },
});
const registry = values.registry === undefined ? [] : ["--registry", values.registry];

/** The packages for platforms, or an error that names those that are missing and not left out on purpose. */
function wantedPlatforms() {
  const without = values.without.split(",").filter((name) => name !== "");
  const stray = without.filter((name) => !prebuiltTargets.includes(name));
  if (stray.length > 0) throw new Error(`--without ${stray}: expected some of ${prebuiltTargets.join(", ")}`);
  const found = platformPackages(values.platforms).filter(({ target }) => !without.includes(target));
  const missing = prebuiltTargets.filter((it) => !without.includes(it) && !found.some(({ target }) => target === it));
  if (missing.length === 0) return found;
  const advice = `Make them with \`npm run pack:platform\`, or pass --without ${missing.join(",")}: WASM runs there`;
  throw new Error(`${values.platforms} lacks the packages for ${missing.join(", ")}. ${advice}`);
}

/** @param {string} name @param {string} version */
function isPublished(name, version) {
  const asked = spawnSync("npm", ["view", `${name}@${version}`, "version", ...registry], {
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (asked.status === 0) return asked.stdout.trim() !== "";
  // A package that nobody has published is no failure; a registry that does not answer is.
  if (asked.stderr.includes("E404")) return false;
  throw new Error(`npm view ${name} failed:\n${asked.stderr}`);
}

/** @param {string} name @param {string} version @param {string} path a folder */
function publish(name, version, path) {
  if (values["dry-run"]) return console.log(`would publish ${name}@${version} from ${path}`);
  if (isPublished(name, version)) return console.log(`${name}@${version} is published already`);
  capture("npm", ["publish", path, "--access", "public", ...registry]);
  console.log(`published ${name}@${version}`);
}

ensureInstalled();
const platforms = wantedPlatforms();
if (runTool("nx", ["run-many", "-t", "build"]) !== 0) throw new Error("the build failed, nothing is published");
const folder = join(root, "out", "release");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const packed = packAll(folder);
const { version } = /** @type {import("./check/packed.mjs").Packed} */ (packed[0]).manifest;
for (const { name, path } of platforms) publish(name, version, path);
for (const { name, manifest, contents } of packed) {
  if (name === "@fai/tensor") addPlatforms(contents, platforms);
  publish(name, manifest.version, contents);
}
const tags = !values["dry-run"] && !values["no-tag"];
if (tags && runTool("@changesets/cli#changeset", ["tag"]) !== 0) throw new Error("the versions are not tagged");
