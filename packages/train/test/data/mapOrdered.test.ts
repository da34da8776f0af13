import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mapOrdered } from "../../src/index.js";

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe("mapOrdered", () => {
  it("gives results in order, with at most so many items in hand", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 20 }),
        fc.integer({ min: 0, max: 5 }),
        async (delays, ahead) => {
          let inHand = 0;
          let most = 0;
          const results: number[] = [];
          const work = async (i: number) => {
            most = Math.max(most, ++inHand);
            await wait(delays[i]!);
            inHand--;
            return i;
          };
          for await (const result of mapOrdered(delays.keys(), work, ahead)) results.push(result);
          expect(results).toEqual([...delays.keys()]);
          expect(most).toBeLessThanOrEqual(ahead + 1);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("fails when the failing item's turn comes, and drops failures behind an early end", async () => {
    const work = async (i: number) => {
      if (i >= 3) throw new Error(`item ${i}`);
      return i;
    };
    const seen: number[] = [];
    const all = async () => {
      for await (const i of mapOrdered([0, 1, 2, 3, 4], work, 2)) seen.push(i);
    };
    await expect(all()).rejects.toThrow("item 3");
    expect(seen).toEqual([0, 1, 2]);
    for await (const i of mapOrdered([0, 1, 2, 3, 4], work, 4)) if (i === 1) break;
    await wait(5); // an unhandled rejection would fail the run
  });
});
