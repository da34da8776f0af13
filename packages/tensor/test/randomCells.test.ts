import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { discard, queuedAssignments, State } from "../src/cell.js";
import type { Node } from "../src/node.js";
import { matmul } from "../src/ops/contract.js";
import { add, lt, mul, sub, tanh, where } from "../src/ops/elementwise.js";
import { concat, flip, permute, slice } from "../src/ops/movement.js";
import { amax, sum } from "../src/ops/reduce.js";
import { Generator } from "../src/random.js";
import { realize, use } from "../src/realize.js";
import type { Tensor } from "../src/tensor.js";
import { compare } from "./compare.js";
import { backends, onWebGpu } from "./engines.js";
import { randomLeaf } from "./finiteDifferences.js";
import { evaluateAll, type Numbers } from "./reference.js";

// Cells are written in place while other kernels still read them: every order of reading and writing has to give what
// the graph says. Random steps set random cells from random expressions of all of them.

const size = 5;
const programs = onWebGpu ? 8 : 100;
const steps = 6;

const unary: readonly ((x: Tensor) => Tensor)[] = [
  (x) => x,
  tanh,
  (x) => mul(x, -0.7),
  (x) => add(x, 0.1),
  (x) => permute(x, [1, 0]),
  (x) => flip(x, 0),
  (x) => flip(permute(x, [1, 0]), 1),
  (x) => concat([slice(x, [2, size]), slice(x, [0, 2])]),
  (x) => sub(x, amax(x, 1, { keepDims: true })),
  (x) => sub(x, mul(sum(x, 0, { keepDims: true }), 0.3)),
  (x) => mul(matmul(x, x), 0.2),
];
const binary: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  add,
  sub,
  mul,
  (a, b) => where(lt(randomLeaf([size, 1], { seed: 3 }), 0.05), a, b),
  (a, b) => mul(matmul(a, b), 0.2),
  (a, b) => concat([slice(a, [0, 3]), slice(b, [1, 3])]),
];

// No two random steps have one structure: the plan cache's advice is for users.
beforeAll(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
});

/** One random program of steps; returns what differs first, or undefined. */
async function run(seed: number): Promise<string | undefined> {
  const generator = new Generator(seed, 11);
  const choose = <T>(list: readonly T[]): T => list[generator.below(list.length)]!;
  const cells = [0, 1, 2].map((i) => new State(randomLeaf([size, size], { seed: 10 * seed + i }), `cell ${i}`));
  let expected: Numbers[] = evaluateAll(cells.map((cell) => cell.value)).map(({ data }) => data);
  for (let step = 0; step < steps; step++) {
    const committed = new Map<Node, Numbers>(cells.map((cell, i) => [cell.committed.node, expected[i]!]));
    const expression = () => {
      const a = choose(unary)(choose(cells).value);
      const b = choose(unary)(choose(cells).value);
      return tanh(choose(binary)(a, b));
    };
    const roots = Array.from({ length: generator.below(3) }, expression);
    for (let i = generator.below(4); i >= 0; i--)
      choose(cells).set(generator.uniform() < 0.2 ? choose(cells).value : expression());
    const late = generator.uniform() < 0.3 ? [expression()] : [];
    const wanted = [...roots, ...late];
    const all = evaluateAll([...wanted, ...cells.map((cell) => cell.value)], { override: committed }).map(
      ({ data }) => data,
    );
    expected = all.slice(wanted.length);
    await realize(...wanted);
    if (queuedAssignments().size > 0) return `step ${step} left assignments queued`;
    const found = await Promise.all([...wanted, ...cells.map((cell) => cell.value)].map((t) => t.data()));
    for (const [i, data] of found.entries()) {
      const worst = compare("f32", data, all[i]!, 0.1);
      const what = i < wanted.length ? `result ${i}` : `cell ${i - wanted.length}`;
      if (worst && worst.error > 3e-5) return `step ${step}, ${what}: ${JSON.stringify(worst)}`;
    }
  }
  return undefined;
}

describe.each(backends())("random steps on cells agree with the reference", (backend) => {
  afterEach(discard);

  test(`on ${backend.name}`, async () => {
    use(backend);
    for (let seed = 0; seed < programs; seed++) expect(await run(seed), `seed ${seed}`).toBeUndefined();
  });
});
