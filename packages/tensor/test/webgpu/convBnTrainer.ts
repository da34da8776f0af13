import "../../src/tensor.js";
import type { Backend } from "../../src/backend.js";
import { gradients } from "../../src/gradients.js";
import * as nn from "../../src/nn/index.js";
import type { Module } from "../../src/nn/module.js";
import { mul, sub } from "../../src/ops/elementwise.js";
import { tensor } from "../../src/ops/generate.js";
import { Generator, manualSeed } from "../../src/random.js";
import { use } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";

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

/** A step of gradient descent on a batch of random images; gives the loss, whose reading runs the step. */
export function trainer(seed: number, batch = 16): () => Tensor {
  manualSeed(seed);
  const model = convBnNet();
  const parameters = model.parameters();
  const generator = new Generator(seed, 5);
  return () => {
    const y = Int32Array.from({ length: batch }, () => generator.below(10));
    const pixels = Float32Array.from(
      { length: batch * 768 },
      (_, i) => generator.normal() + 0.2 * y[Math.floor(i / 768)]!,
    );
    const x = tensor(pixels).reshape([batch, 3, 16, 16]);
    const loss = nn.crossEntropy(model.call(x), tensor(y));
    gradients(loss, parameters).forEach((gradient, i) => {
      const parameter = parameters[i]!;
      parameter.set(sub(parameter.value, mul(gradient, 0.1)));
    });
    return loss;
  };
}

/** The losses of `steps` steps on a backend. */
export async function losses(backend: Backend, steps: number): Promise<number[]> {
  use(backend);
  const step = trainer(42);
  const found: number[] = [];
  for (let i = 0; i < steps; i++) found.push(await step().item());
  return found;
}
