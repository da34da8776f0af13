import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backend, leaf, manualSeed, Parameter, realize, tensor, upload } from "@fai/tensor";
import { crossEntropy } from "@fai/tensor/nn";
import { expect, it } from "vitest";
import { accuracy, adam, type Callback, checkpoint, DataLoader, Learner, prefetchToDevice } from "../../src/index.js";
import { cellsOf, loaders, Net, points } from "../points.js";

const onDevice = (x: { node: { device: readonly unknown[] } }) => x.node.device[0] !== undefined;

it("upload sends host data and computes nothing; what is queued stays queued", async () => {
  const x = leaf(
    Float32Array.from({ length: 1000 }, (_, i) => i),
    [1000],
    "f32",
  );
  const small = leaf(new Float32Array(10), [10], "f32");
  const lazy = x.add(1).mul(2);
  const weight = new Parameter(tensor([1]));
  weight.set(tensor([5]));
  const before = backend().memory().allocatedBytes;
  const free = upload(lazy, small);
  expect([onDevice(x), onDevice(small), onDevice(lazy)]).toEqual([true, false, false]);
  expect(backend().memory().allocatedBytes - before).toBe(4000);
  expect(await weight.committed.item()).toBe(1);
  const doubled = lazy.sum().data(); // submitted, not read yet
  free();
  expect(onDevice(x)).toBe(false);
  expect((await doubled)[0]).toBe(1001 * 1000);
  expect(await lazy.mean().item()).toBeCloseTo(1001, 3);
  await realize();
  expect(await weight.value.item()).toBe(5);
});

/** A run over sent batches or plain ones: everything that it ends with. */
async function train(options: { ahead?: number; path?: string; failAt?: number }) {
  const { train: plain, valid } = loaders();
  const source = options.ahead === undefined ? plain : prefetchToDevice(plain, { ahead: options.ahead });
  manualSeed(5);
  const seen: boolean[] = [];
  const watch: Callback = {
    beforeBatch: (run) => {
      seen.push(onDevice(run.y));
      if (run.training && run.step === options.failAt) throw new Error("a fault");
    },
  };
  const learner = new Learner({ train: source, valid }, new Net(), {
    loss: crossEntropy,
    optimizer: adam(),
    metrics: { accuracy },
    callbacks: [watch, ...(options.path ? [checkpoint(options.path, { every: 3 })] : [])],
  });
  manualSeed(7);
  const rows = await learner.fit(0.01, { epochs: 2 });
  return { rows: rows.map(({ seconds, ...row }) => row), cells: await cellsOf(learner.model) };
}

it("gives the same bits as without, and leaves no memory behind", async () => {
  const plain = await train({});
  const grown = async (ahead?: number) => {
    const used = backend().memory().allocatedBytes;
    expect(await train(ahead === undefined ? {} : { ahead })).toEqual(plain);
    return backend().memory().allocatedBytes - used;
  };
  const model = await grown();
  for (const ahead of [1, 4, 100]) expect(await grown(ahead)).toBeLessThanOrEqual(model);
});

it("batches are on the device in their turn, the next ones too, and gone afterwards", async () => {
  const loader = new DataLoader(points(300, 1), { batchSize: 100 });
  const used = backend().memory().allocatedBytes;
  const batches = [];
  for await (const batch of prefetchToDevice(loader, { ahead: 2 })) {
    batches.push(batch);
    expect(onDevice(batch.x)).toBe(true);
    expect(backend().memory().allocatedBytes - used).toBe(1600 * (4 - batches.length)); // x only: y is small
  }
  expect(batches.map(({ x }) => onDevice(x))).toEqual([false, false, false]);
  for await (const _ of prefetchToDevice(loader, { ahead: 2 })) break;
  expect(backend().memory().allocatedBytes).toBe(used);
});

it("a checkpoint holds what the run has consumed, not what was sent", async () => {
  const folder = await mkdtemp(join(tmpdir(), "prefetch-"));
  const path = join(folder, "run.safetensors");
  const whole = await train({});
  await expect(train({ ahead: 3, path, failAt: 14 })).rejects.toThrow("a fault");
  expect(await train({ ahead: 3, path })).toEqual(whole);
  await rm(folder, { recursive: true });
});

it("refuses a number that is none", () => {
  expect(() => prefetchToDevice(loaders().train, { ahead: 0 })).toThrow("[prefetchToDevice] ahead is 0");
});
