// `npm test [-- vitest arguments]`: works on a fresh clone with only Node. FAI_BACKEND=native|wasm picks the CPU backend.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setup } from "./setup.mjs";
import { ensureInstalled, runTool } from "./workspace.mjs";

ensureInstalled();
setup();
const folder = mkdtempSync(join(tmpdir(), "fai-test-"));
const report = join(folder, "report.json");
const code = runTool("vitest", [
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);

try {
  const result = JSON.parse(readFileSync(report, "utf8"));
  // A test file that does not even load reports no test of its own; it counts as one failure.
  const unloaded = result.testResults.filter(
    (/** @type {{status: string, assertionResults: unknown[]}} */ file) =>
      file.status === "failed" && file.assertionResults.length === 0,
  ).length;
  const skipped = result.numPendingTests + result.numTodoTests;
  const line = `${result.numPassedTests} passed, ${result.numFailedTests + unloaded} failed`;
  console.log(skipped > 0 ? `${line}, ${skipped} skipped` : line);
} catch (error) {
  console.error(`vitest left no report: ${error instanceof Error ? error.message : error}`);
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = code;
