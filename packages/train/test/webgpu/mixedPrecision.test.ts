import { type Backend, Generator, manualSeed, openCpuSync, type Tensor, use } from "@fai/tensor";
import {
  AdaptiveMaxPool2d,
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  type Module,
  ReLU,
  Sequential,
} from "@fai/tensor/nn";
import { webgpu } from "@fai/tensor/webgpu";
import { afterAll, expect, test } from "vitest";
import { softwareGpu } from "../../../tensor/test/webgpu/softwareGpu.js";
import { ArrayDataset, adam, type Callback, DataLoader, Learner, mixedPrecision } from "../../src/index.js";
import { cellsOf } from "../points.js";

const gpu = await webgpu({ gpu: await softwareGpu() });
const cpu = openCpuSync();
afterAll(() => Promise.all([gpu.close(), cpu.close()]));

/** Convolution, batch norm and ReLU, as lesson 7 stacks them, in front of a linear layer. */
function convBnNet(): Module<Tensor, Tensor> {
  const layer = (from: number, to: number) => [
    new Conv2d(from, to, { kernelSize: 3, stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(to),
    new ReLU(),
  ];
  const head = [new AdaptiveMaxPool2d(1), new Flatten(), new Linear(40, 10)];
  return new Sequential(...layer(3, 10), ...layer(10, 20), ...layer(20, 40), ...head);
}

/** 20 batches of 16 images of 10 classes, each with a color of its own. */
function images() {
  const generator = new Generator(9);
  const labels = Int32Array.from({ length: 320 }, () => generator.below(10));
  const size = 3 * 16 * 16;
  const pixels = Float32Array.from(
    { length: 320 * size },
    (_, i) => generator.normal() + 0.3 * Math.sin(labels[Math.floor(i / size)]! * (1 + Math.floor((i % size) / 256))),
  );
  return new ArrayDataset({ x: { data: pixels, shape: [3, 16, 16] }, y: { data: labels } });
}

async function train(backend: Backend, callbacks: Callback[]) {
  use(backend);
  manualSeed(42);
  const train = new DataLoader(images(), { batchSize: 16 });
  const learner = new Learner({ train }, convBnNet(), { loss: crossEntropy, optimizer: adam() });
  await learner.fit(3e-3, { callbacks });
  return { losses: learner.history.losses, cells: await cellsOf(learner.model) };
}

const worst = (a: number[], b: number[]) => Math.max(...a.map((loss, i) => Math.abs(loss - b[i]!) / b[i]!));

test("ConvBnNet in mixed precision: 20 steps on the GPU follow those on the CPU, and those in f32", async () => {
  const half = () => [mixedPrecision({ lossScale: 2 ** 12 })];
  const onCpu = await train(cpu, half());
  const onGpu = await train(gpu, half());
  const plain = await train(cpu, []);
  expect(onGpu.losses).toHaveLength(20);
  expect(worst(onGpu.losses, onCpu.losses)).toBeLessThan(0.01);
  expect(worst(onGpu.losses, plain.losses)).toBeLessThan(0.03);
  expect(onCpu.losses).not.toEqual(plain.losses);
  expect(onGpu.losses.at(-1)!).toBeLessThan(onGpu.losses[0]! * 0.9);
});

test("a step that overflows changes no bit of the weights, and is the last at its scale", async () => {
  use(gpu);
  manualSeed(42);
  const mixed = mixedPrecision();
  const loader = new DataLoader(images(), { batchSize: 160 });
  const learner = new Learner({ train: loader }, convBnNet(), { loss: crossEntropy, optimizer: adam() });
  const weights = async () =>
    JSON.stringify(await Promise.all(learner.model.parameters().map((p) => p.committed.data())));
  const seen = [await weights()];
  const scales: number[] = [];
  const look: Callback = {
    afterBatch: async () => {
      seen.push(await weights());
      scales.push((await mixed.status()).lossScale);
    },
  };
  await learner.fit(3e-3, { epochs: 7, callbacks: [mixed, look] });
  const skipped = scales.map((scale, i) => scale < (scales[i - 1] ?? 2 ** 24));
  expect(skipped.slice(0, 2)).toEqual([true, true]); // 2^24 is too much for halves
  expect(skipped.at(-1)).toBe(false);
  for (const [i, was] of skipped.entries()) expect(seen[i + 1] === seen[i], `step ${i}`).toBe(was);
  expect((await mixed.status()).skipped).toBe(skipped.filter(Boolean).length);
});
