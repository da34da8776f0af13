// Runs bundled test files where Vitest itself does not run: `runTests.mjs FILE... RESULT`. Writes what came out to the file RESULT as
// JSON, because the streams of an emulated process cannot be relied on.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { startTests } from "@vitest/runner";
import { getNames, getTests } from "@vitest/runner/utils";

const files = process.argv.slice(2, -1);
const result = /** @type {string} */ (process.argv.at(-1));

/** @type {any} the parts of Vitest's own configuration that its runner reads */
const config = {
  root: process.cwd(),
  setupFiles: [],
  allowOnly: true,
  sequence: { seed: 0, hooks: "stack", setupFiles: "list" },
  maxConcurrency: 1,
  testTimeout: 1_200_000,
  hookTimeout: 1_200_000,
  retry: 0,
  tags: [],
  tagsFilter: [],
};
const run = await startTests(files, {
  config,
  importFile: (path) => import(pathToFileURL(path).href),
});
const tests = run.flatMap((file) => getTests(file));
const failures = tests
  .filter(({ result: it }) => it?.state === "fail")
  .map((it) => `${getNames(it).slice(1).join(" > ")}: ${it.result?.errors?.[0]?.message}`);
for (const file of run) {
  for (const { message } of file.result?.errors ?? []) failures.push(`${file.filepath}: ${message}`);
}
const passed = tests.filter(({ result: it }) => it?.state === "pass").length;
writeFileSync(result, JSON.stringify({ passed, skipped: tests.filter((it) => it.mode === "skip").length, failures }));
// Backends that the tests leave open must not hold the process.
process.exit(0);
