import { afterAll, expect, test } from "vitest";
import "../../src/tensor.js";
import { openCpuSync } from "../../src/backends/cpu/select.node.js";
import { webgpu } from "../../src/backends/webgpu/webgpu.js";
import { gradients } from "../../src/gradients.js";
import { conv2d, matmul } from "../../src/ops/contract.js";
import { tensor } from "../../src/ops/generate.js";
import { Generator } from "../../src/random.js";
import { realize, use } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { softwareGpu } from "./softwareGpu.js";

// The kernels that hardware runs, and those for processors that play a GPU.
const devices = await Promise.all(
  [true, false].map(async (software) => webgpu({ gpu: await softwareGpu(), software })),
);
const cpu = openCpuSync();
afterAll(() => Promise.all([...devices, cpu].map((device) => device.close())));

const draw = new Generator(3);
const random = (...shape: number[]) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => draw.normal()),
    { shape, dtype: "f16" },
  );

const cases: [string, Tensor[], (...x: Tensor[]) => Tensor][] = [
  ["a product in tiles", [random(128, 96), random(96, 64)], (a, b) => matmul(a!, b!)],
  ["a product whose columns are no vectors", [random(70, 50), random(50, 45)], (a, b) => matmul(a!, b!)],
  [
    "a batch of products of transposed halves",
    [random(3, 40, 64), random(36, 64)],
    (a, b) => matmul(a!, b!.transpose()),
  ],
  ["a long sum in parts", [random(4, 2048), random(2048, 8)], (a, b) => matmul(a!, b!)],
  ["sums over rows", [random(40, 512)], (x) => x!.sum(1).cast("f16")],
  ["sums over columns", [random(512, 40)], (x) => x!.sum(0).cast("f16")],
  ["a convolution", [random(4, 16, 12, 12), random(32, 16, 3, 3)], (x, w) => conv2d(x!, w!, { padding: 1 })],
  [
    "a strided convolution of few channels",
    [random(4, 3, 13, 11), random(6, 3, 3, 3)],
    (x, w) => conv2d(x!, w!, { stride: 2 }),
  ],
];

async function run(device: (typeof devices)[number] | typeof cpu, inputs: Tensor[], f: (...x: Tensor[]) => Tensor) {
  use(device);
  const y = f(...inputs);
  const seed = tensor(
    Float32Array.from({ length: y.size }, (_, i) => ((i % 7) - 3) / 8),
    { shape: y.shape },
  );
  const all = [y, ...gradients(y, inputs, { seed })];
  await realize(...all);
  return Promise.all(all.map((t) => t.data()));
}

test.each(cases)("%s: what the CPU gives, to the last bit of a half", async (_, inputs, f) => {
  const expected = await run(cpu, inputs, f);
  for (const device of devices) {
    const found = await run(device, inputs, f);
    found.forEach((values, k) => {
      const size = Math.max(...expected[k]!.map(Math.abs));
      const worst = Math.max(...values.map((v, i) => Math.abs(v - expected[k]![i]!)));
      expect(worst / size, `${device.software ? "software" : "hardware"}, value ${k}`).toBeLessThan(2 ** -10);
    });
  }
});
