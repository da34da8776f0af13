import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { NullBackend } from "../src/backends/null/null.js";
import {
  backend,
  discard,
  gradients,
  Parameter,
  rand,
  realize,
  setFusion,
  type Tensor,
  tensor,
  use,
} from "../src/index.js";

const depth = 20_000;

/** x -> 0.5 x + 1, again and again: it tends to 2, and its derivative to 0.5 ** depth. */
function halvings(x: Tensor, count: number): Tensor {
  let y = x;
  for (let i = 0; i < count / 2; i++) y = y.mul(0.5).add(1);
  return y;
}

beforeEach(() => discard());
afterEach(() => setFusion(true));

describe("a chain of 20,000 nodes", () => {
  it.each([true, false])("realizes and differentiates, fused: %s", async (fused) => {
    setFusion(fused);
    const x = new Parameter(tensor([8, 4, -3]));
    const y = halvings(x.value, depth);
    expect([...(await y.data())]).toEqual([2, 2, 2]);
    const loss = x.value.add(halvings(x.value, depth)).sum();
    const [gradient] = gradients(loss, [x]);
    expect([...(await gradient!.data())]).toEqual([1, 1, 1]);
    expect(await loss.item()).toBe(15);
  });

  it("of states of one cell becomes one commit", async () => {
    const x = new Parameter(tensor([0]));
    for (let i = 0; i < depth; i++) x.set(x.value.add(1));
    await realize();
    expect(await x.value.item()).toBe(depth);
    expect(x.version).toBe(1);
  });

  it("with a second derivative", async () => {
    const x = new Parameter(tensor([0.5]));
    let y = x.value;
    for (let i = 0; i < 500; i++) y = y.mul(y).mul(0.25).add(x.value.mul(0.5)); // many paths from x to y
    const [first] = gradients(y.sum(), [x]);
    const [second] = gradients(first!.sum(), [x]);
    const values = [await first!.item(), await second!.item()];
    // y converges to the root of y^2 / 4 - y + x / 2 = 0: y = 2 - sqrt(4 - 2 x), y' = 1 / sqrt(4 - 2 x), y'' = (4 - 2 x)^-1.5.
    expect(values[0]).toBeCloseTo(1 / Math.sqrt(3), 5);
    expect(values[1]).toBeCloseTo(3 ** -1.5, 5);
  });
});

test("the walk is no deeper than the graph is long", () => {
  const previous = backend();
  use(new NullBackend());
  const wide = Array.from({ length: depth / 2 }, () => rand([2]));
  const total = wide.reduce((a, b) => a.add(b));
  expect(() => realize(total)).not.toThrow();
  use(previous);
});
