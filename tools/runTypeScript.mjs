import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { root, run } from "./workspace.mjs";

/**
 * Runs a TypeScript file against the packages' sources, in the folder that the user called npm from.
 * @param {string} file absolute path
 * @param {string[]} args passed on to it
 * @param {string[]} [nodeArgs] options of Node itself
 * @returns {number} its exit code
 */
export function runTypeScript(file, args, nodeArgs = []) {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const options = ["--import", loader, "--conditions=@fai/source", ...nodeArgs];
  return run(process.execPath, [...options, file, ...args], { cwd: process.env.INIT_CWD ?? root });
}
