import { afterAll, describe, expect, test } from "vitest";
import "../../src/tensor.js";
import type { Backend } from "../../src/backend.js";
import { openCpuSync } from "../../src/backends/cpu/select.node.js";
import { webgpu } from "../../src/backends/webgpu/webgpu.js";
import { gradients } from "../../src/gradients.js";
import * as nn from "../../src/nn/index.js";
import type { Module } from "../../src/nn/module.js";
import { mul, sub } from "../../src/ops/elementwise.js";
import { tensor } from "../../src/ops/generate.js";
import { Generator, manualSeed } from "../../src/random.js";
import { realize, use } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { softwareGpu } from "./softwareGpu.js";

const gpu = await webgpu({ gpu: await softwareGpu() });
const cpu = openCpuSync();
afterAll(() => Promise.all([gpu.close(), cpu.close()]));

/** Convolution, batch norm and ReLU, as lesson 7 stacks them, in front of a linear layer. */
function convBnNet(): Module<Tensor, Tensor> {
  const layer = (from: number, to: number) => [
    new nn.Conv2d(from, to, { kernelSize: 3, stride: 2, padding: 1, bias: false }),
    new nn.BatchNorm2d(to),
    new nn.ReLU(),
  ];
  return new nn.Sequential(
    ...layer(3, 10),
    ...layer(10, 20),
    ...layer(20, 40),
    new nn.AdaptiveMaxPool2d(1),
    new nn.Flatten(),
    new nn.Linear(40, 10),
  );
}

/** A step of gradient descent on a batch of random images; gives the loss, which nobody has waited for. */
function trainer(seed: number): () => Tensor {
  manualSeed(seed);
  const model = convBnNet();
  const parameters = model.parameters();
  const generator = new Generator(seed, 5);
  const [images, labels] = [16 * 3 * 16 * 16, 16];
  return () => {
    const y = Int32Array.from({ length: labels }, () => generator.below(10));
    const pixels = Float32Array.from({ length: images }, (_, i) => generator.normal() + 0.2 * y[Math.floor(i / 768)]!);
    const x = tensor(pixels).reshape([16, 3, 16, 16]);
    const loss = nn.crossEntropy(model.call(x), tensor(y));
    gradients(loss, parameters).forEach((gradient, i) => {
      const parameter = parameters[i]!;
      parameter.set(sub(parameter.value, mul(gradient, 0.1)));
    });
    void realize(loss);
    return loss;
  };
}

async function losses(backend: Backend, steps: number): Promise<number[]> {
  use(backend);
  const step = trainer(42);
  const found: number[] = [];
  for (let i = 0; i < steps; i++) found.push(await step().item());
  return found;
}

describe("training on WebGPU", () => {
  test("20 steps of a convolutional net with batch norm give the losses of the CPU to 1e-3", async () => {
    const [expected, found] = [await losses(cpu, 20), await losses(gpu, 20)];
    expect(expected[19]!).toBeLessThan(expected[0]! * 0.8);
    expected.forEach((loss, i) => {
      expect(Math.abs(found[i]! - loss) / loss, `step ${i}: ${found[i]} instead of ${loss}`).toBeLessThan(1e-3);
    });
  });

  test("200 steps hold no more memory than the first five", async () => {
    use(gpu);
    const step = trainer(1);
    const late: Promise<number>[] = [];
    let after5 = gpu.memory();
    for (let i = 0; i < 200; i++) {
      // Two steps late, so that nothing stalls.
      late.push(step().item());
      if (i >= 2) await late[i - 2];
      if (i === 5) after5 = gpu.memory();
    }
    await Promise.all(late);
    const { allocatedBytes, scratchBytes } = gpu.memory();
    expect(allocatedBytes).toBeLessThanOrEqual(after5.allocatedBytes);
    expect(allocatedBytes + scratchBytes).toBe(after5.allocatedBytes + after5.scratchBytes);
  });

  test("1,000 kept tensors of 1 MB, forgotten one after the other, stay within 256 MB", async () => {
    const small = await webgpu({ gpu: await softwareGpu(), budgetBytes: 256 * 2 ** 20 });
    use(small);
    const scale = tensor([1]);
    for (let i = 0; i < 1000; i++) {
      await realize(
        scale
          .mul(i)
          .expand([2 ** 18])
          .add(0.5),
      );
      await new Promise((resolve) => setTimeout(resolve));
    }
    const { allocatedBytes, scratchBytes } = small.memory();
    expect(allocatedBytes + scratchBytes).toBeLessThanOrEqual(256 * 2 ** 20);
    await small.close();
  });
});
