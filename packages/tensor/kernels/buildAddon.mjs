import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { runTool } from "./compiler.mjs";
import { makeNodeLibrary, nodeApiFolder } from "./nodeApi.mjs";
import { hashOf, sources, textOf } from "./sources.mjs";
import { addonTarget } from "./targets.mjs";

/**
 * Builds the Node-API addon `fai-cpu.node` in a folder. What did not change since the last build is not compiled again.
 * @param {object} options
 * @param {string} options.compiler
 * @param {string} options.folder
 * @param {string} [options.platform] this machine's
 * @param {string} [options.arch] this process's
 * @returns {Promise<{ addon: string, seconds: number | undefined }>} its path, and how long it took; undefined when it was up to date
 */
export async function buildAddon({ compiler, folder, platform = process.platform, arch = process.arch }) {
  const { units, link } = addonTarget(platform, arch);
  const objects = join(folder, "objects");
  const addon = join(folder, "fai-cpu.node");
  const stamp = join(folder, "fai-cpu.hash");
  const started = Date.now();
  const parts = units.map((unit) => ({
    ...unit,
    object: join(objects, `${unit.name}-${hashOf(compiler, ...unit.flags, textOf(unit.source))}.o`),
  }));
  const hash = hashOf(...link, ...parts.map((part) => part.object));
  if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) {
    return { addon, seconds: undefined };
  }
  mkdirSync(objects, { recursive: true });

  const headers = join(nodeApiFolder(), "include");
  const waiting = parts.filter((part) => !existsSync(part.object));
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const draft = `${part.object}.${process.pid}`;
      await runTool(compiler, [...part.flags, "-I", headers, "-c", join(sources, part.source), "-o", draft]);
      renameSync(draft, part.object);
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));

  const libraries = platform === "win32" ? [await makeNodeLibrary(arch, objects, compiler)] : [];
  // Renamed into place, so that a process that has the old one loaded keeps it whole.
  const draft = `${addon}.${process.pid}`;
  await runTool(compiler, [...link, ...parts.map((part) => part.object), ...libraries, "-o", draft]);
  renameSync(draft, addon);
  writeFileSync(stamp, hash);
  const kept = new Set(parts.map((part) => part.object));
  for (const path of readdirSync(objects).map((name) => join(objects, name))) {
    // Young ones may belong to a build that runs beside this one.
    if (!kept.has(path) && Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { force: true });
  }
  return { addon, seconds: (Date.now() - started) / 1000 };
}
