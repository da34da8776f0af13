/*
 * An epoch of the dot product with biases (50 factors, MovieLens' sizes, batches of 64, SGD with momentum and weight decay), here and
 * in PyTorch, in turns:
 *
 *   PYTHON=python3 npm run bench -- collabEpoch
 *
 * Without a Python that has torch, only ours is timed.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CollabData, EmbeddingDotBias } from "@fai/collab";
import { Generator, manualSeed } from "@fai/tensor";
import { mse } from "@fai/tensor/nn";
import { sgd, fit as train } from "@fai/train";

const [users, items, factors, rows, batchSize] = [671, 9066, 50, 80_003, 64];
const rounds = 5;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** PyTorch's epochs, one for each call; undefined when there is no PyTorch. */
async function startTorch(): Promise<{ epoch: () => Promise<number>; stop: () => void } | undefined> {
  const script = fileURLToPath(new URL("collabEpoch.py", import.meta.url));
  const child = spawn(
    process.env.PYTHON ?? "python3",
    [script, ...[users, items, factors, rows, batchSize].map(String)],
    {
      stdio: ["pipe", "pipe", "ignore"],
    },
  );
  child.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hello = await lines.next();
  if (hello.done) return undefined;
  console.log(hello.value);
  const epoch = async () => {
    child.stdin.write("go\n");
    return Number((await lines.next()).value);
  };
  return { epoch, stop: () => child.stdin.end() };
}

const generator = new Generator(0);
const draw = (n: number) => Int32Array.from({ length: rows + 64 }, () => generator.below(n));
const rating = Float32Array.from({ length: rows + 64 }, () => 0.5 + 4.5 * generator.uniform());
const valid = Int32Array.from({ length: 64 }, (_, i) => rows + i);
const data = CollabData.fromTable({ userId: draw(users), itemId: draw(items), rating }, { valid, batchSize, seed: 0 });
manualSeed(0);
const model = new EmbeddingDotBias({ userCount: users, itemCount: items }, { factors, init: 0.01, range: [0.5, 5] });
const optimizer = sgd({ lr: 0.1, momentum: 0.9, weightDecay: 2e-4 })(model.parameters());

/** Seconds of one epoch of training, without validation. */
async function ours(): Promise<number> {
  const start = performance.now();
  await train(model, { train: data.train }, { epochs: 1, optimizer, loss: mse });
  return (performance.now() - start) / 1000;
}

const torch = await startTorch();
const [mine, theirs]: [number[], number[]] = [[], []];
for (let round = 0; round <= rounds; round++) {
  const [a, b] = [await ours(), torch ? await torch.epoch() : Number.NaN];
  console.log(`round ${round}${round === 0 ? " (warming up)" : ""}: ours ${a.toFixed(2)} s, torch ${b.toFixed(2)} s`);
  if (round > 0) {
    mine.push(a);
    theirs.push(b);
  }
}
torch?.stop();
const ratios = mine.map((seconds, i) => theirs[i]! / seconds);
const figures = { bench: "collabEpoch", ours: median(mine), torch: median(theirs), speedup: median(ratios) };
console.log(JSON.stringify(figures, (_, value) => (typeof value === "number" ? Number(value.toFixed(3)) : value)));
