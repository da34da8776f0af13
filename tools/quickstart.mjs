// `npm run quickstart [-- options]`: installs, builds what this machine can build, and trains a classifier of pictures.
import { join } from "node:path";
import { runTypeScript } from "./runTypeScript.mjs";
import { setup } from "./setup.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

ensureInstalled();
setup();
process.exitCode = runTypeScript(join(root, "examples", "quickstart.ts"), process.argv.slice(2));
