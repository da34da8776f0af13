import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { wasmBuilds, wasmHash } from "../../kernels/sources.mjs";

const names = Object.keys(wasmBuilds) as (keyof typeof wasmBuilds)[];

test.each(names)("%s.wasm is built from the sources as they are", async (name) => {
  const bytes = readFileSync(new URL(`../../wasm/${name}.wasm`, import.meta.url));
  const module = await WebAssembly.compile(bytes);
  const [section] = WebAssembly.Module.customSections(module, "fai-sources");
  const advice = "the kernels changed: run npm run build:wasm -w @fai/tensor (needs clang and lld)";
  expect(new TextDecoder().decode(section), advice).toBe(wasmHash(name));
});
