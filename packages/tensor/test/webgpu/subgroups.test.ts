import { afterAll, describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { webgpu } from "../../src/backends/webgpu/webgpu.js";
import { logSoftmax, softmax } from "../../src/ops/activation.js";
import { mul } from "../../src/ops/elementwise.js";
import { tensor } from "../../src/ops/generate.js";
import { amax, argmax, sum } from "../../src/ops/reduce.js";
import type { Tensor } from "../../src/tensor.js";
import { compare } from "../compare.js";
import { planned, reference } from "../engines.js";
import { randomLeaf } from "../finiteDifferences.js";
import { softwareGpu } from "./softwareGpu.js";

// Rows that workgroups add up, as on hardware: with the subgroups of the adapter (SwiftShader has some of four lanes), and without.

const gpu = await softwareGpu();
const withSubgroups = await webgpu({ gpu, software: false, subgroups: true });
const without = await webgpu({ gpu, software: false, subgroups: false });
afterAll(() => Promise.all([withSubgroups.close(), without.close()]));

const odd = Float32Array.from({ length: 4 * 300 }, (_, i) => [1, -2.5, 0, -0][i % 4]! * ((i % 7) - 3));
odd[301] = Number.NaN;
odd[650] = Number.POSITIVE_INFINITY;
odd.fill(Number.NEGATIVE_INFINITY, 900);

const cases: { [name: string]: () => Tensor[] } = {
  "sums, maxima and both at once": () => {
    const x = randomLeaf([9, 1000], { seed: 3 });
    return [sum(x, 1), amax(x, 1), sum(x), amax(x), argmax(x, 1), mul(x, x).mean(1)];
  },
  "whole numbers": () => {
    const x = tensor(
      Int32Array.from({ length: 5 * 517 }, (_, i) => ((i * 7919) % 20011) - 10000),
      { shape: [5, 517] },
    );
    return [sum(x, 1), amax(x, 1)];
  },
  "NaN and infinities": () => {
    const x = tensor(odd, { shape: [4, 300] });
    return [sum(x, 1), amax(x, 1), argmax(x, 1), sum(x)];
  },
  "softmax of rows": () => {
    const x = randomLeaf([7, 333], { seed: 5, low: -30, high: 30 });
    return [softmax(x, 1), logSoftmax(x, 1)];
  },
};

describe.each([planned(withSubgroups, { name: "with subgroups" }), planned(without, { name: "without" })])(
  "$name",
  (engine) => {
    test.each(Object.entries(cases))("%s", async (_, make) => {
      const values = make();
      const [found, expected] = [await engine.read(values), await reference.read(make())];
      for (const [k, want] of expected.entries()) {
        const worst = compare(values[k]!.dtype, found[k]!, want);
        expect(worst?.error ?? 0, `output ${k} ${JSON.stringify(worst)}`).toBeLessThan(2e-5);
      }
    });
  },
);

test("shaders use subgroups only where they are wanted, and a device without them says so", async () => {
  expect([withSubgroups.subgroups, without.subgroups]).toEqual([true, false]);
  const uses: boolean[] = [];
  for (const backend of [withSubgroups, without]) {
    const texts: string[] = [];
    const create = backend.device.createShaderModule.bind(backend.device);
    backend.device.createShaderModule = (descriptor) => {
      texts.push(descriptor.code);
      return create(descriptor);
    };
    await planned(backend).read([sum(randomLeaf([3, 2000], { seed: 6 }), 1)]);
    expect(texts.length).toBeGreaterThan(0);
    uses.push(texts.some((text) => text.includes("subgroupAdd")));
  }
  expect(uses).toEqual([true, false]);
  const bare = {
    async requestAdapter() {
      const adapter = (await gpu.requestAdapter())!;
      const requestDevice = (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor);
      return { info: adapter.info, limits: adapter.limits, features: new Set(), requestDevice };
    },
  } as unknown as GPU;
  await expect(webgpu({ gpu: bare, subgroups: true })).rejects.toThrow(
    "[webgpu] subgroups: true, but this device has none",
  );
});
