import { beforeEach, describe, expect, it } from "vitest";
import { discard, Parameter, State } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import { checkFinite, take } from "../../src/ops/gather.js";
import { rand, tensor } from "../../src/ops/generate.js";
import { manualSeed } from "../../src/random.js";
import { explainPlan, realize, use } from "../../src/realize.js";
import "../../src/tensor.js";
import type { Tensor } from "../../src/tensor.js";
import { Interpreter } from "../interpreter/interpreter.js";

const values = async (t: Tensor) => [...(await t.data())];

let device: Interpreter;
beforeEach(() => {
  discard();
  device = new Interpreter();
  use(device);
});

describe("cells", () => {
  it("commits every queued assignment with the next realize, in place", async () => {
    const w = new Parameter(tensor([1, 2, 3]), "w");
    const m = new State(tensor([0, 0, 0]), "m");
    const step = () => {
      const next = m.value.mul(0.5).add(w.value);
      m.set(next);
      w.set(w.value.sub(next.mul(0.1)));
    };
    step();
    expect(explainPlan().match(/\(commit\)/g)).toHaveLength(1);
    await realize();
    const bytes = device.memory().allocatedBytes;
    expect(await values(w.value)).toEqual([0.9, 1.8, 2.7].map(Math.fround));
    step();
    await realize();
    expect(device.memory().allocatedBytes).toBe(bytes);
    expect(w.version).toBe(2);
    expect((await values(m.value))[0]).toBeCloseTo(1.4);
    expect((await values(w.value))[0]).toBeCloseTo(0.76);
  });

  it("swaps two cells", async () => {
    const a = new State(tensor([1, 2]), "a");
    const b = new State(tensor([3, 4]), "b");
    a.set(b.value);
    b.set(a.committed);
    await realize();
    expect([await values(a.value), await values(b.value)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    a.set(b.committed.add(1));
    b.set(a.committed.add(10));
    await realize();
    expect([await values(a.value), await values(b.value)]).toEqual([
      [2, 3],
      [13, 14],
    ]);
  });

  it("lets one commit read what another overwrites, before and after", async () => {
    const w = new Parameter(tensor([1, 2]), "w");
    const old = new State(tensor([0, 0]), "old");
    const average = new State(tensor([0, 0]), "average");
    const next = w.value.mul(2);
    w.set(next);
    old.set(w.committed.neg());
    average.set(average.value.add(next).mul(0.5));
    await realize();
    expect(await values(w.value)).toEqual([2, 4]);
    expect(await values(old.value)).toEqual([-1, -2]);
    expect(await values(average.value)).toEqual([1, 2]);
  });

  it("reads the old version point by point in place, and through a copy otherwise", async () => {
    const w = new Parameter(tensor([1, 2, 3]), "w");
    w.set(w.value.flip().add(w.value));
    await realize();
    expect(await values(w.value)).toEqual([4, 4, 4]);
    w.set(w.value.slice(1).expand(3));
    await realize();
    expect(await values(w.value)).toEqual([4, 4, 4]);
  });

  it("gives the queued value to whoever reads before the commit", async () => {
    const w = new Parameter(tensor([1]), "w");
    w.set(w.value.add(1));
    const first = w.value;
    w.set(w.value.mul(10));
    expect(await values(first.add(0.5))).toEqual([2.5]);
    expect(await values(w.value)).toEqual([20]);
  });

  it("returns results beside commits, and the same value to both", async () => {
    const w = new Parameter(tensor([1, 2]), "w");
    const next = w.value.add(1);
    w.set(next);
    expect(await values(next)).toEqual([2, 3]);
    expect(await values(w.value)).toEqual([2, 3]);
  });

  it("drops the queue on discard", async () => {
    const w = new Parameter(tensor([1]), "w");
    w.set(w.value.add(1));
    discard();
    await realize();
    expect(await values(w.value)).toEqual([1]);
    expect(w.version).toBe(0);
  });

  it("commits nothing when the guard is set, and says why", async () => {
    const table = new Parameter(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      "table",
    );
    const step = (ids: number[]) => {
      const loss = take(table.value, tensor(ids, { dtype: "i32" })).sum();
      const [g] = gradients(loss, [table]);
      table.set(table.value.sub(g!));
      return loss.item();
    };
    await expect(step([0, 7])).rejects.toThrow(
      /\[gather\] index 7 is out of range for axis 0 of \[2, 2\] \(valid: 0 to 1\); nothing was updated/,
    );
    expect(await values(table.value)).toEqual([1, 2, 3, 4]);
    expect(await step([1, 1])).toBe(14);
    expect(await values(table.value)).toEqual([1, 2, 1, 2]);
    table.set(checkFinite(table.value.sub(1).log(), "the loss"));
    await expect(realize()).rejects.toThrow(/the loss is not finite/);
    expect(await values(table.value)).toEqual([1, 2, 1, 2]);
  });

  it("refuses to compute from an overwritten version, unless it was kept", async () => {
    const w = new Parameter(tensor([1, 2]), "layer.weight");
    const late = w.value.mul(3);
    const kept = w.value.mul(5).keep();
    w.set(w.value.add(1));
    await realize(kept);
    await expect(late.data()).rejects.toThrow(/\[realize\] the graph reads layer.weight v0, now v1.*keep\(\)/);
    expect(await values(kept)).toEqual([5, 10]);
  });

  it("differentiates through a realized loss", async () => {
    const w = new Parameter(tensor([3]), "w");
    const loss = w.value.mul(w.value).sum();
    expect(await loss.item()).toBe(9);
    expect(await values(gradients(loss, [w])[0]!)).toEqual([6]);
  });

  it("frees what was read and keeps what was asked for", async () => {
    const x = tensor([1, 2, 3]).mul(2);
    const before = device.memory().allocatedBytes;
    await x.data();
    expect(device.memory().allocatedBytes).toBe(before);
    const kept = tensor([1, 2, 3]).add(1).realize();
    await kept.data();
    expect(device.memory().allocatedBytes).toBe(before + 12);
  });

  it("draws the same numbers from the same seed and new ones each step", async () => {
    const w = new State(tensor([0, 0, 0, 0]), "w");
    const run = async () => {
      manualSeed(7);
      const drawn: number[][] = [];
      for (let i = 0; i < 3; i++) {
        const noise = rand([4]);
        w.set(noise.add(0));
        drawn.push(await values(noise.mul(1)));
        expect(await values(w.value)).toEqual(drawn[i]);
      }
      return drawn;
    };
    const first = await run();
    expect(await run()).toEqual(first);
    expect(new Set(first.map(String)).size).toBe(3);
  });
});
