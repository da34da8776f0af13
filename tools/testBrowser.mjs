// `npm run test:browser`: the browser tests in the machine's own Chromium or Chrome, or in the one that FAI_BROWSER names.
import { setup } from "./setup.mjs";
import { ensureInstalled, runTool } from "./workspace.mjs";

ensureInstalled();
setup();
const env = { ...process.env, FAI_BROWSER: process.env.FAI_BROWSER || "installed" };
process.exitCode = runTool("vitest", ["run", "tools/browser", ...process.argv.slice(2)], { env });
