import { describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { gradients } from "../../src/gradients.js";
import { add, mul, neg } from "../../src/ops/elementwise.js";
import { tensor } from "../../src/ops/generate.js";
import { sum } from "../../src/ops/reduce.js";
import { backends, planned, reference } from "../engines.js";

const engines = [reference, ...backends().map((backend) => planned(backend))];

describe.each(engines)("a chain of 20,000 nodes on $name", (engine) => {
  test("realizes and differentiates", async () => {
    const x = tensor([0.5, -2, 3]);
    let y = mul(x, x);
    // Every second pair gives back what it got, without rounding.
    for (let i = 0; i < 10_000; i++) y = neg(add(y, 0.25));
    const [value, slope] = await engine.read([y, gradients(sum(y), [x])[0]!]);
    expect([...Array.from(value!)]).toEqual([0.25, 4, 9]);
    expect([...Array.from(slope!)]).toEqual([1, -4, 6]);
  });
});
