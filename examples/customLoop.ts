/*
 * A training loop with tensors and gradients only: no layer, no optimizer, no Learner.
 *
 *   npm run example -- custom-loop
 *   options: --steps 300 --rate 0.5 --seed 0
 */
import { parseArgs } from "node:util";
import { backend, Generator, gradients, manualSeed, Parameter, realize, type Tensor, tensor } from "@fai/tensor";

/** Points [N, 2] inside and outside of a ring, and 1 for those inside. */
function ring(count: number, seed: number): { x: Tensor; y: Tensor } {
  const generator = new Generator(seed);
  const x = Float32Array.from({ length: 2 * count }, () => 2 * generator.uniform() - 1);
  const y = Float32Array.from({ length: count }, (_, i) => (Math.hypot(x[2 * i]!, x[2 * i + 1]!) < 0.7 ? 1 : 0));
  return { x: tensor(x, { shape: [count, 2] }), y: tensor(y) };
}

/** Random numbers as something to train: a value that changes from step to step. */
function weights(generator: Generator, rows: number, columns: number): Parameter {
  const scale = Math.sqrt(2 / rows);
  const values = Float32Array.from({ length: rows * columns }, () => scale * generator.normal());
  return new Parameter(tensor(values, { shape: [rows, columns] }));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      steps: { type: "string", default: "300" },
      rate: { type: "string", default: "0.5" },
      seed: { type: "string", default: "0" },
    },
  });
  const [steps, rate, seed] = [Number(values.steps), Number(values.rate), Number(values.seed)];
  manualSeed(seed);
  const [train, valid] = [ring(512, seed + 1), ring(512, seed + 2)];
  const generator = new Generator(seed + 3);
  const [w1, b1, w2, b2] = [
    weights(generator, 2, 32),
    new Parameter(tensor(new Float32Array(32))),
    weights(generator, 32, 1),
    new Parameter(tensor(new Float32Array(1))),
  ];
  const parameters = [w1, b1, w2, b2];

  // [N, 2] -> [N]: the chance of being inside
  const predict = (x: Tensor) =>
    x.matmul(w1.value).add(b1.value).tanh().matmul(w2.value).add(b2.value).squeeze(1).sigmoid();
  const lossOf = ({ x, y }: { x: Tensor; y: Tensor }) => {
    const p = predict(x).clamp({ min: 1e-6, max: 1 - 1e-6 });
    const [inside, outside] = [y.mul(p.log()), y.neg().add(1).mul(p.neg().add(1).log())];
    return inside.add(outside).mean().neg();
  };

  const start = performance.now();
  for (let step = 0; step <= steps; step++) {
    const loss = lossOf(train);
    const found = gradients(loss, parameters);
    parameters.forEach((parameter, i) => {
      parameter.set(parameter.value.sub(found[i]!.mul(rate))); // queued; committed with the next line
    });
    if (step % 100 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(4)}`);
    else await realize();
  }
  const accuracy = await predict(valid.x).gt(0.5).eq(valid.y.gt(0.5)).mean().item();
  const loss = await lossOf(valid).item();
  const seconds = Number(((performance.now() - start) / 1000).toFixed(2));
  console.log(
    JSON.stringify({
      example: "custom-loop",
      valid_loss: loss,
      valid_accuracy: accuracy,
      steps,
      seconds,
      backend: backend().name,
    }),
  );
  await backend().close();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
