// `npm run bench [-- NAME... OPTION...]` runs bench/*.bench.ts one after the other; NAMEs pick those whose file name contains one,
// and everything from the first word that begins with "-" goes to the benchmarks.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runTypeScript } from "./runTypeScript.mjs";
import { setup } from "./setup.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

const folder = join(root, "bench");
const words = process.argv.slice(2);
const firstOption = words.findIndex((word) => word.startsWith("-"));
const wanted = firstOption < 0 ? words : words.slice(0, firstOption);
const options = words.slice(wanted.length);
const files = (existsSync(folder) ? readdirSync(folder) : [])
  .filter((file) => file.endsWith(".bench.ts"))
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.includes(name)))
  .sort();

if (files.length === 0) {
  console.log(wanted.length > 0 ? `No benchmark matches ${wanted.join(", ")}.` : "There are no benchmarks yet.");
  process.exitCode = wanted.length > 0 ? 1 : 0;
} else {
  ensureInstalled();
  setup();
  const codes = files.map((file) => {
    console.log(`\n${file}`);
    return runTypeScript(join(folder, file), options, ["--expose-gc"]);
  });
  process.exitCode = Math.max(...codes);
}
