import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { wasmBuilds, wasmHash } from "../../kernels/sources.mjs";

const names = Object.keys(wasmBuilds) as (keyof typeof wasmBuilds)[];

test.each(names)("%s.wasm is built from the sources as they are", (name) => {
  const bytes = readFileSync(new URL(`../../wasm/${name}.wasm`, import.meta.url));
  const expected = `fai-sources${wasmHash(name)}`;
  const advice = "the kernels changed: run npm run build:wasm -w @fai/tensor (needs clang and lld)";
  // The last section: its name, then the hash.
  expect(bytes.subarray(-expected.length).toString(), advice).toBe(expected);
});
