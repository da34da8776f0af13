import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "../workspace.mjs";

/** The module that looks for the addon; in a bundle it looks in another folder than this machine's. */
const loader = join(root, "packages", "tensor", "src", "backends", "cpu", "addon.node.ts");

/**
 * Bundles test files of the core into plain JavaScript that a Node of another platform runs.
 * @param {object} options
 * @param {string[]} options.tests paths below packages/tensor/test
 * @param {string} options.out the folder for the bundles, and `runTests.mjs`
 * @param {string} options.tensor a folder with `package.json` and `build/fai-cpu.node`, in place of packages/tensor
 * @param {(path: string) => string} options.pathThere what the other platform calls a path of this machine
 * @returns {Promise<string[]>} the bundles of the tests
 */
export async function bundleTests({ tests, out, tensor, pathThere }) {
  const entries = tests.map((test) => join(root, "packages", "tensor", "test", test));
  await build({
    entryPoints: [join(root, "tools", "emulate", "runTests.mjs"), ...entries],
    outdir: out,
    entryNames: "[name]",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@fai/source"],
    alias: { vitest: join(root, "tools", "emulate", "vitest.mjs") },
    // WebGPU on SwiftShader has a lane of its own.
    external: ["koffi", "webgpu"],
    logLevel: "error",
    plugins: [
      {
        name: "where a file lies",
        setup({ onLoad }) {
          onLoad({ filter: /packages\/tensor\/(src|test)\/.*\.ts$/ }, ({ path }) => {
            const url = fileUrl(
              pathThere(path === loader ? path.replace(join(root, "packages", "tensor"), tensor) : path),
            );
            return {
              contents: readFileSync(path, "utf8").replaceAll("import.meta.url", JSON.stringify(url)),
              loader: "ts",
            };
          });
        },
      },
    ],
  });
  return tests.map((test) => join(out, basename(test).replace(/\.ts$/, ".mjs")));
}

/** @param {string} path of this machine, or of Windows */
function fileUrl(path) {
  return /^[A-Z]:/.test(path) ? `file:///${path.replaceAll("\\", "/")}` : pathToFileURL(path).href;
}
