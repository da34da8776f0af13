/*
 * A callback of one's own, in ten lines: it watches how long the gradients are, and ends the run when they hardly move any more.
 *
 *   npm run example -- custom-callback
 */
import { backend, Generator, manualSeed, stack } from "@fai/tensor";
import { crossEntropy, Linear, ReLU, Sequential } from "@fai/tensor/nn";
import { ArrayDataset, accuracy, type Callback, Cancel, DataLoader, Learner, progress } from "@fai/train";

/** Ends the run once the gradients are shorter than `limit`. */
class StopWhenFlat implements Callback {
  readonly lengths: number[] = [];
  constructor(readonly limit: number) {}

  readonly afterBackward: Callback["afterBackward"] = async (run) => {
    if (run.batch > 0) return; // once an epoch is enough
    const squares = run.gradients.map((gradient) => gradient.square().sum());
    const length = Math.sqrt(await stack(squares).sum().item());
    this.lengths.push(length);
    if (length < this.limit) throw new Cancel("fit");
  };
}

function points(count: number, seed: number) {
  const generator = new Generator(seed);
  const x = Float32Array.from({ length: 2 * count }, () => generator.normal());
  const y = Int32Array.from({ length: count }, (_, i) => (x[2 * i]! * x[2 * i + 1]! > 0 ? 1 : 0));
  return new ArrayDataset({ x: { data: x, shape: [2] }, y: { data: y } });
}

async function main(): Promise<void> {
  manualSeed(0);
  const data = {
    train: new DataLoader(points(1000, 1), { batchSize: 50, shuffle: true, seed: 1 }),
    valid: new DataLoader(points(500, 2), { batchSize: 250 }),
  };
  const model = new Sequential(new Linear(2, 32), new ReLU(), new Linear(32, 2));
  const stop = new StopWhenFlat(0.12);
  const learner = new Learner(data, model, {
    loss: crossEntropy,
    metrics: { accuracy },
    callbacks: [stop, progress()],
  });
  const rows = await learner.fit(0.1, { epochs: 40 });
  const figures = {
    example: "custom-callback",
    valid_accuracy: rows.at(-1)!.metrics.accuracy,
    epochs: rows.length,
    gradient: stop.lengths.at(-1),
  };
  console.log(JSON.stringify({ ...figures, backend: backend().name }));
  await backend().close();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
