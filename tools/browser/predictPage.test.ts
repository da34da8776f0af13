import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const entry = fileURLToPath(new URL("../../examples/browser/predict.ts", import.meta.url));

test("a page that only predicts loads at most 60 KB of ours, and nothing that it cannot use", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    splitting: true,
    metafile: true,
    outdir: "out",
    format: "esm",
    platform: "browser",
    conditions: ["@fai/source"],
  });
  const kilobytes = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0) / 1000;
  console.log(`a page that only predicts: ${kilobytes.toFixed(1)} KB gzip without weights and WASM`);
  expect(kilobytes).toBeLessThan(60);
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  expect(files.some((path) => path.endsWith("/predictor.ts"))).toBe(true);
  // Machine code for x64, derivatives, optimizers, the training loop, and whatever is Node's.
  const unwanted =
    /\/jit\/|\.node\.ts$|\/native\.ts$|\/vjp\.ts$|\/gradients\.ts$|\/optim\/|\/learner\.ts$|\/callbacks\//;
  expect(files.filter((path) => unwanted.test(path))).toEqual([]);
});
