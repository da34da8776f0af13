import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { capture, toolPath, workspacePackages } from "../workspace.mjs";

/** @typedef {{ name: string, manifest: any, tarball: string, contents: string }} Packed `contents` is the unpacked folder */

/**
 * Packs every package of the workspace into `folder` and unpacks it again beside it.
 * @param {string} folder
 * @returns {Packed[]} `@fai/tensor` first
 */
export function packAll(folder) {
  return workspacePackages().map(({ folder: name, path, manifest }) => {
    const [{ filename }] = JSON.parse(capture("npm", ["pack", "--json", "--pack-destination", folder], { cwd: path }));
    const tarball = join(folder, filename);
    const contents = join(folder, "unpacked", name);
    mkdirSync(contents, { recursive: true });
    capture("tar", ["-xzf", tarball, "-C", contents, "--strip-components=1"]);
    return { name: manifest.name, manifest, tarball, contents };
  });
}

/**
 * publint, attw (ESM only) and the source and declaration maps of the packed files.
 * @param {Packed[]} packed
 * @param {string} folder
 * @returns {Promise<string[]>} what is wrong
 */
export async function checkPacked(packed, folder) {
  const problems = [];
  for (const { name, manifest, tarball, contents } of packed) {
    const { messages } = await publint({ pkgDir: contents, level: "suggestion", strict: true, pack: false });
    for (const message of messages) problems.push(`${name}: publint: ${formatMessage(message, manifest)}`);
    try {
      capture(process.execPath, [toolPath("@arethetypeswrong/cli#attw"), tarball, "--profile", "esm-only"], {
        cwd: folder,
      });
    } catch (error) {
      problems.push(`${name}: attw: ${error instanceof Error ? error.message : error}`);
    }
    problems.push(...mapProblems(contents).map((problem) => `${name}: ${problem}`));
    for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) {
      if (!existsSync(join(contents, file))) problems.push(`${name}: the packed files lack ${file}`);
    }
    console.log(`✓ looked at ${relative(folder, tarball)}`);
  }
  return problems;
}

/**
 * Go-to-definition must land in readable source: each map of `dist` has to point at files that are packed too.
 * @param {string} contents
 */
function mapProblems(contents) {
  const dist = join(contents, "dist");
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).map((file) => join(dist, file));
  const problems = [];
  for (const file of files) {
    if (/\.(js|d\.ts)$/.test(file) && !existsSync(`${file}.map`))
      problems.push(`${relative(contents, file)} has no map`);
    if (!file.endsWith(".map")) continue;
    for (const source of JSON.parse(readFileSync(file, "utf8")).sources) {
      const path = join(dirname(file), source);
      if (!existsSync(path)) problems.push(`${relative(contents, file)} points at ${source}, which is not packed`);
    }
  }
  return problems;
}
