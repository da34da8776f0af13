import { describe, expect, test } from "vitest";
import { gradients } from "../../src/gradients.js";
import * as ops from "../../src/index.js";
import { manualSeed } from "../../src/random.js";
import type { Tensor } from "../../src/tensor.js";
import { backends, planned, reference } from "../engines.js";

const engines = [reference, ...backends().map((backend) => planned(backend))];

describe.each(engines)("$name", (engine) => {
  const read = async (t: Tensor) => Array.from((await engine.read([t]))[0]!);

  test("dropout keeps elements with probability 1 - p, scales them, and passes the gradient where it kept", async () => {
    manualSeed(3);
    const x = ops.ones([4000]);
    const y = ops.dropout(x, 0.25);
    const [values, gradient] = (await engine.read([y, ...gradients(ops.sum(y), [x])])).map((a) => Array.from(a));
    const kept = values!.filter((v) => v !== 0);
    expect(new Set(kept.map((v) => v.toFixed(5)))).toEqual(new Set([(4 / 3).toFixed(5)]));
    // Four standard deviations.
    expect(Math.abs(kept.length - 3000)).toBeLessThan(4 * Math.sqrt(4000 * 0.75 * 0.25));
    expect(gradient).toEqual(values);
  });

  test("one seed gives the same numbers again, and the next node others", async () => {
    manualSeed(5);
    const a = await read(ops.dropout(ops.ones([64])));
    const b = await read(ops.dropout(ops.ones([64])));
    manualSeed(5);
    expect(await read(ops.dropout(ops.ones([64])))).toEqual(a);
    expect(b).not.toEqual(a);
  });

  test("bernoulli follows each element's probability", async () => {
    manualSeed(1);
    const p = ops.expand(ops.tensor([[0], [0.3], [1]]), [3, 3000]);
    const drawn = await read(ops.bernoulli(p));
    const count = (row: number) => drawn.slice(3000 * row, 3000 * (row + 1)).reduce((a, b) => a + b, 0);
    expect(count(0)).toBe(0);
    expect(count(2)).toBe(3000);
    expect(Math.abs(count(1) - 900)).toBeLessThan(4 * Math.sqrt(3000 * 0.21));
  });

  test("randperm holds every number once, in no simple order", async () => {
    manualSeed(2);
    const order = await read(ops.randperm(200));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(order.filter((v, i) => v === i).length).toBeLessThan(10);
    expect(ops.randperm(0).shape).toEqual([0]);
  });

  test("multinomial with replacement follows the weights, and never draws a weight of 0", async () => {
    manualSeed(4);
    const drawn = await read(
      ops.multinomial(
        ops.tensor([
          [1, 0, 3],
          [0, 5, 0],
        ]),
        2000,
        { replacement: true },
      ),
    );
    const share = (row: number, of: number) =>
      drawn.slice(2000 * row, 2000 * (row + 1)).filter((v) => v === of).length / 2000;
    expect(share(0, 1)).toBe(0);
    expect(Math.abs(share(0, 2) - 0.75)).toBeLessThan(4 * Math.sqrt((0.75 * 0.25) / 2000));
    expect(share(1, 1)).toBe(1);
  });

  test("multinomial without replacement draws distinct classes, the first in proportion to its weight", async () => {
    manualSeed(6);
    const drawn = await read(ops.multinomial(ops.expand(ops.tensor([1, 2, 0, 5]), [2000, 4]), 3));
    let heavy = 0;
    for (let i = 0; i < 2000; i++) {
      const row = drawn.slice(3 * i, 3 * i + 3);
      expect([...row].sort()).toEqual([0, 1, 3]);
      if (row[0] === 3) heavy++;
    }
    expect(Math.abs(heavy / 2000 - 5 / 8)).toBeLessThan(4 * Math.sqrt(((5 / 8) * (3 / 8)) / 2000));
  });
});

test("all engines draw the same", async () => {
  const draw = async (engine: (typeof engines)[number]) => {
    manualSeed(9);
    const drawn = [
      ops.randperm(50),
      ops.multinomial(ops.ones([7]), 20, { replacement: true }),
      ops.dropout(ops.ones([40])),
    ];
    return (await engine.read(drawn)).map((a) => Array.from(a));
  };
  const expected = await draw(reference);
  for (const engine of engines) expect(await draw(engine), engine.name).toEqual(expected);
});
