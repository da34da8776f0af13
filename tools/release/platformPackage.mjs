import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prebuiltTargets } from "../../packages/tensor/kernels/targets.mjs";
import { root } from "../workspace.mjs";
import { binaryTarget, neededGlibc } from "./binaryTarget.mjs";

/** The name of the file in each of these packages, which packages/tensor/src/backends/cpu/addon.node.ts loads. */
const fileName = "fai-cpu.node";

/** The x of the oldest glibc 2.x that the oldest supported Node runs on: an addon that needs a newer one shuts systems out. */
const oldestGlibc = 28;

/** @param {string} target */
const nameOf = (target) => `@fai/tensor-${target}`;

/**
 * Makes the package with the prebuilt addon for one platform, `folder/tensor-<target>`, from an addon built there. Throws when the
 * file is for another platform, or needs a newer glibc than `glibc`.
 * @param {object} options
 * @param {string} options.addon path of the built file
 * @param {string} options.target `platform-arch`
 * @param {string} options.folder
 * @param {number} [options.glibc] the x of the newest glibc 2.x that it may need
 * @returns {string} the package's folder
 */
export function assemblePlatform({ addon, target, folder, glibc = oldestGlibc }) {
  if (!prebuiltTargets.includes(target))
    throw new Error(`no package for ${target}, only for ${prebuiltTargets.join(", ")}`);
  const found = binaryTarget(addon);
  if (found !== target) throw new Error(`${addon} is for ${found ?? "no platform known here"}, expected ${target}`);
  const needed = target.startsWith("linux") ? neededGlibc(addon) : 0;
  if (needed > glibc) {
    const advice = `Build it on a system with glibc 2.${glibc} (docs/releasing.md), or allow it with --glibc ${needed}`;
    throw new Error(`${addon} needs glibc 2.${needed}, newer than 2.${glibc}. ${advice}`);
  }
  const [platform, arch] = /** @type {[string, string]} */ (target.split("-"));
  const { version, license, engines } = tensorManifest();
  const made = join(folder, `tensor-${target}`);
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  copyFileSync(addon, join(made, fileName));
  copyFileSync(join(root, "LICENSE"), join(made, "LICENSE"));
  const manifest = {
    name: nameOf(target),
    version,
    description: `The native CPU kernels of @fai/tensor for ${target}`,
    license,
    os: [platform],
    cpu: [arch],
    // Elsewhere on Linux (musl), npm leaves it out.
    ...(platform === "linux" && { libc: ["glibc"] }),
    engines,
    files: [fileName],
    preferUnplugged: true,
    publishConfig: { access: "public" },
    addonBytes: statSync(addon).size,
    addonSha256: sha256(addon),
  };
  writeFileSync(join(made, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const says = needed > 0 ? `It needs glibc 2.${needed} or newer. ` : "";
  writeFileSync(
    join(made, "README.md"),
    `# ${manifest.name}\n\n${manifest.description}. ${says}npm installs it along with \`@fai/tensor\`; nothing imports it by name.\n`,
  );
  return made;
}

/**
 * The packages with prebuilt addons in a folder, checked once more: all of the version of @fai/tensor, none damaged on its way.
 * @param {string} folder
 * @returns {{ target: string, name: string, path: string }[]}
 */
export function platformPackages(folder) {
  const { version } = tensorManifest();
  return prebuiltTargets.flatMap((target) => {
    const path = join(folder, `tensor-${target}`);
    if (!existsSync(join(path, "package.json"))) return [];
    const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    const addon = join(path, fileName);
    if (manifest.version !== version) {
      throw new Error(`${path} is version ${manifest.version}, expected ${version}. Build it again from this commit`);
    }
    if (binaryTarget(addon) !== target) throw new Error(`${addon} is for ${binaryTarget(addon)}, expected ${target}`);
    if (sha256(addon) !== manifest.addonSha256)
      throw new Error(`${addon} is not the file that was built: copy it again`);
    return [{ target, name: nameOf(target), path }];
  });
}

/**
 * Writes the packages with prebuilt addons into a packed @fai/tensor. They are not in the committed package.json, because a lock file
 * would then have to name versions that no registry has yet.
 * @param {string} contents the unpacked folder
 * @param {readonly { name: string }[]} platforms
 */
export function addPlatforms(contents, platforms) {
  const path = join(contents, "package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  // Exactly this version: the kernels read what this version's planner writes.
  manifest.optionalDependencies = Object.fromEntries(platforms.map(({ name }) => [name, manifest.version]));
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}

function tensorManifest() {
  return JSON.parse(readFileSync(join(root, "packages", "tensor", "package.json"), "utf8"));
}

/** @param {string} path */
function sha256(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
