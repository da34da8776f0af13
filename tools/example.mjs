// `npm run example -- NAME [options]` runs examples/NAME.ts; every example ends with one JSON line of its figures.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runTypeScript } from "./runTypeScript.mjs";
import { setup } from "./setup.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

const folder = join(root, "examples");
const names = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".ts")) : [];
const [name, ...options] = process.argv.slice(2);
/** Files are named in camelCase, and on the command line `fashion-mnist` finds `fashionMnist.ts`. */
const camelCase = name?.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const file = [`${name}.ts`, `${camelCase}.ts`].find((candidate) => names.includes(candidate));

if (file === undefined) {
  console.error(name === undefined ? "Which example? npm run example -- NAME [options]" : `No example named ${name}.`);
  console.error(`Examples: ${names.map((entry) => entry.replace(/\.ts$/, "")).join(", ") || "none yet"}`);
  process.exitCode = 1;
} else {
  ensureInstalled();
  setup();
  process.exitCode = runTypeScript(join(folder, file), options);
}
