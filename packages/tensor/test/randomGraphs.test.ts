import { beforeAll, describe, expect, test, vi } from "vitest";
import "../src/tensor.js";
import { compare } from "./compare.js";
import { backends, type Engine, onWebGpu, planned, reference, staged } from "./engines.js";
import { generate } from "./randomGraphs/generate.js";
import { build, minimal, type Program, print } from "./randomGraphs/program.js";

const [graphs, chunk] = onWebGpu ? [400, 50] : [2000, 100];
const engines = backends().flatMap((backend) => [
  planned(backend),
  planned(backend, { fusion: false }),
  staged(backend),
]);

// No two random graphs have one structure: the plan cache's advice is for users.
beforeAll(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
});

/** What is wrong with a program on an engine, or undefined. */
async function fault(program: Program, engine: Engine): Promise<string | undefined> {
  const expected = await reference.read(build(program));
  const values = build(program);
  let found: ArrayLike<number>[];
  try {
    found = await engine.read(values);
  } catch (error) {
    return (error as Error).stack;
  }
  for (const [i, value] of values.entries()) {
    const worst = compare(value.dtype, found[i]!, expected[i]!, 0.1);
    if (worst && worst.error > engine.tolerance)
      return `v${program.roots[i]}[${worst.at}] is ${worst.actual}, expected ${worst.expected}`;
  }
  return undefined;
}

describe.each(engines)("random graphs on $name agree with the reference", (engine) => {
  for (let first = 0; first < graphs; first += chunk) {
    test(`seeds ${first} to ${first + chunk - 1}`, async () => {
      for (let seed = first; seed < first + chunk; seed++) {
        const program = generate(seed);
        if (!(await fault(program, engine))) continue;
        const least = await minimal(program, async (smaller) => (await fault(smaller, engine)) !== undefined);
        expect.fail(`seed ${seed} on ${engine.name}: ${await fault(least, engine)}\n${print(least)}`);
      }
    });
  }
});
