import { expect } from "vitest";
import type { Tensor } from "../../src/tensor.js";
import { evaluateAll } from "../reference.js";

/** Throws unless the tensors' values are those of the reference, within 1e-5 relative to 1 and the value. */
export async function expectSame(...tensors: Tensor[]): Promise<void> {
  const expected = evaluateAll(tensors).map(({ data }) => [...data]);
  for (const [i, t] of tensors.entries()) {
    const found = [...(await t.data())];
    const error = (v: number, k: number) => Math.abs(v - expected[i]![k]!) / (1 + Math.abs(expected[i]![k]!));
    expect(Math.max(...found.map(error))).toBeLessThan(1e-5);
  }
}
