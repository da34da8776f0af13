import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../examples/browser", import.meta.url));

/** What the pages' own code is in: everything of the example but the two files that stand for a device. */
const pageCode = "page";
const isPageCode = /\/examples\/browser\/(?!gpuDevice|wasmDevice)/;

/** The scripts of ours that the page that only predicts loads, as Vite makes them; the page's own code is set apart. */
async function buildPage(): Promise<Rolldown.OutputChunk[]> {
  const made = (await build({
    configFile: `${folder}/vite.config.ts`,
    publicDir: false,
    logLevel: "error",
    build: {
      write: false,
      rolldownOptions: {
        output: {
          codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: pageCode, test: isPageCode }] },
        },
      },
    },
  })) as Rolldown.RolldownOutput;
  const chunks = made.output.filter((file) => file.type === "chunk").filter(({ name }) => name !== pageCode);
  // What Vite itself adds to load scripts is not ours either.
  return chunks.filter(({ moduleIds }) => moduleIds.some((id) => !id.includes("vite/preload-helper")));
}

const isOf = (pattern: RegExp) => (chunk: Rolldown.OutputChunk) => chunk.moduleIds.some((path) => pattern.test(path));
const cpu = isOf(/\/backends\/cpu\/cpuBackend\.ts$/);
// What trains, times kernels, or is above a device's limits loads these as well.
const later = isOf(/\/backends\/webgpu\/(rare|groupTimer)\.ts$/);
const isGpu = isOf(/\/backends\/webgpu\//);
const gpu = (chunk: Rolldown.OutputChunk) => isGpu(chunk) && !later(chunk);

test("a page that only predicts loads at most 60 KB of ours, on WASM as on WebGPU, and nothing that it cannot use", async () => {
  const chunks = await buildPage();
  expect(chunks.filter(cpu)).toHaveLength(1);
  expect(chunks.filter(gpu).length).toBeGreaterThan(0);
  expect(chunks.filter(later)).toHaveLength(2);
  for (const [device, other] of [
    ["WASM", gpu],
    ["WebGPU", cpu],
  ] as const) {
    const loaded = chunks.filter((chunk) => !other(chunk) && !later(chunk));
    const kilobytes = loaded.reduce((sum, { code }) => sum + gzipSync(code).length, 0) / 1000;
    console.log(`a page that only predicts, on ${device}: ${kilobytes.toFixed(1)} KB gzip without weights and WASM`);
    expect(kilobytes).toBeLessThan(60);
  }
  const files = chunks.flatMap(({ modules }) =>
    Object.entries(modules).flatMap(([path, { renderedLength }]) => (renderedLength > 0 ? [path] : [])),
  );
  expect(files.some((path) => path.endsWith("/predictor.ts"))).toBe(true);
  // Machine code for x64, derivatives, optimizers, the training loop, and whatever is Node's.
  const unwanted =
    /\/jit\/|\.node\.ts$|\/native\.ts$|\/vjp\.ts$|\/gradients\.ts$|\/optim\/|\/learner\.ts$|\/callbacks\//;
  expect(files.filter((path) => unwanted.test(path))).toEqual([]);
});
