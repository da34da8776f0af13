import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Runs a command with this process's streams and returns its exit code (1 when it could not start).
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
export function run(command, args, options = {}) {
  const shell = process.platform === "win32" && command === "npm";
  // Ctrl-C goes to the command as well: it decides how to stop, and this process waits for it.
  process.on("SIGINT", waitForCommand);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", shell, ...options });
  process.off("SIGINT", waitForCommand);
  if (error) console.error(`${command} could not start: ${error.message}`);
  return status ?? 1;
}

function waitForCommand() {}

/**
 * Like `run`, but returns what the command printed on stdout, and throws with everything that it printed when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
export function capture(command, args, options = {}) {
  const shell = process.platform === "win32" && command === "npm";
  const result = spawnSync(command, args, { cwd: root, shell, maxBuffer: 1 << 28, ...options, encoding: "utf8" });
  if (result.status !== 0) {
    const said = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`;
    throw new Error(`${command} ${args.join(" ")} failed (${result.status}):\n${said}`);
  }
  return /** @type {string} */ (result.stdout);
}

/**
 * Runs a script from the bin of an installed development dependency.
 * @param {string} name such as "vitest"
 * @param {string[]} args
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
export function runTool(name, args, options = {}) {
  return run(process.execPath, [toolPath(name), ...args], options);
}

/**
 * The script behind `node_modules/.bin/<name>`, which every platform can start with `node`.
 * @param {string} name of the package, or `package#bin` when the bin is named differently
 */
export function toolPath(name) {
  const [packageName, binName = packageName.replace(/^@[^/]+\//, "")] = name.split("#");
  const folder = join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[binName]);
}

/** The packages of the workspace: their folder name, path and parsed package.json, `tensor` first. */
export function workspacePackages() {
  return readdirSync(join(root, "packages"))
    .filter((folder) => existsSync(join(root, "packages", folder, "package.json")))
    .map((folder) => {
      const path = join(root, "packages", folder);
      return { folder, path, manifest: JSON.parse(readFileSync(join(path, "package.json"), "utf8")) };
    })
    .sort((a, b) => Number(b.folder === "tensor") - Number(a.folder === "tensor"));
}

/** True when `node_modules` holds what `package-lock.json` asks for (packages for other platforms aside). */
function isInstalled() {
  const installedPath = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installedPath)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedPath, "utf8")).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) return true;
    if (entry.optional) return true;
    return installed[path]?.version === entry.version && existsSync(join(root, path));
  });
}

/** Installs the locked dependencies when they are missing or differ from the lock file; ends the process on failure. */
export function ensureInstalled() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node ${process.versions.node} is too old: this project needs 20.19 or newer.`);
    process.exit(1);
  }
  if (isInstalled()) return;
  console.log("Installing dependencies (npm ci)");
  const code = run("npm", ["ci", "--no-audit", "--no-fund"]);
  if (code !== 0) process.exit(code);
}
