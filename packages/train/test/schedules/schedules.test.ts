import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import {
  type Curve,
  circular,
  circularBeta,
  combine,
  constant,
  cosine,
  exponential,
  flatCosine,
  linear,
  oneCycle,
  polynomial,
  type Schedule,
  sgdr,
  warmUp,
} from "../../src/index.js";
import { countEpochs } from "../../src/schedules/cycles.js";
import { phaseSchedule } from "../../src/schedules/phases.js";

interface Golden {
  iterations: number;
  curves: Record<string, number[]>;
  schedules: Record<string, { lr: number[]; momentum?: number[] }>;
}
const golden: Golden = JSON.parse(readFileSync(new URL("../golden/schedules.json", import.meta.url), "utf8"));

function expectCurve(curve: Curve, expected: readonly number[]): void {
  expected.forEach((value, i) => {
    const actual = curve(i / expected.length);
    expect(Math.abs(actual - value), `iteration ${i}: ${actual}, expected ${value}`).toBeLessThanOrEqual(
      1e-6 * Math.abs(value),
    );
  });
}

const curves: Record<string, Curve> = {
  linear: linear(1e-3, 0.1),
  exponential: exponential(1e-5, 10),
  cosine: cosine(0.2, 1e-4),
  polynomial: polynomial(0.1, 1e-3, 0.5),
  warmUp: warmUp(cosine(0.1, 0), { share: 0.1 }),
  flatCosine: flatCosine(0.1).lr,
};

describe("every iteration's rate and momentum by the course's formulas, to 1e-6", () => {
  test.each(Object.keys(golden.curves))("%s", (name) => expectCurve(curves[name]!, golden.curves[name]!));

  const schedules: Record<string, Schedule> = {
    sgdr: sgdr(0.01, { batches: 30, cycles: 3, cycleMult: 2 }),
    sgdrLong: sgdr(0.3, { batches: 23, cycles: 3, cycleLength: 2 }),
    circular: circular(0.02, { batches: 60, cycles: 2, momenta: [0.95, 0.85] }),
    circularSteep: circular(0.02, { batches: 30, cycleLength: 2, div: 20, cutDiv: 10, momenta: [0.95, 0.8] }),
    circularBeta: circularBeta(0.1, { batches: 60, cycles: 2, momenta: [0.95, 0.85] }),
    oneCycle: oneCycle(0.004),
    oneCycleV1: oneCycle(0.004, { share: 0.3, divFinal: 25e4 }),
  };
  test.each(Object.entries(golden.schedules))("%s", (name, { lr, momentum }) => {
    expectCurve(schedules[name]!.lr, lr);
    expect(schedules[name]!.momentum === undefined).toBe(momentum === undefined);
    if (momentum) expectCurve(schedules[name]!.momentum!, momentum);
  });
});

describe("cycles", () => {
  it.each([
    [{ cycles: 3, cycleLength: 1, cycleMult: 2 }, 7],
    [{ cycles: 3, cycleLength: 2 }, 6],
    [{ cycles: 4, cycleMult: 2 }, 15],
    [{ cycles: 2, cycleLength: 1, cycleMult: 1.5 }, 3],
    [{}, 1],
  ])("%o are %i epochs", (cycles, epochs) => expect(countEpochs(cycles)).toBe(epochs));

  it("of a few batches still restart", () => {
    const { lr } = sgdr(1, { batches: 2, cycles: 2 });
    expect([0, 1, 2, 3].map((i) => lr(i / 4))).toEqual([0.01, 0.5, 1, 0.5].map((v) => expect.closeTo(v, 9)));
    const up = circular(1, { batches: 3 });
    expect([0, 1, 2].map((i) => up.lr(i / 3)).every(Number.isFinite)).toBe(true);
    expect(circularBeta(1, { batches: 1 }).lr(0)).toBeCloseTo(0.1);
  });
});

describe("phases", () => {
  it("join their curves, each over its own share", () => {
    const { epochs, lr, momentum } = phaseSchedule([
      { epochs: 1, lr: linear(0, 1) },
      { epochs: 3, lr: cosine(1, 0), momentum: constant(0.8) },
    ]);
    expect(epochs).toBe(4);
    expect([0, 0.125, 0.25, 0.625].map(lr)).toEqual([0, 0.5, 1, 0.5].map((v) => expect.closeTo(v, 9)));
    expect([0, 0.5].map(momentum!)).toEqual([0.9, 0.8]);
  });

  it("that make no whole number of epochs are an error", () => {
    expect(() => phaseSchedule([{ epochs: 0.5 }])).toThrow("[fitPhases] phases of 0.5 epochs");
    expect(() => combine([[0.5, constant(1)]])).toThrow("[combine] the shares 0.5 make 0.5, expected 1.");
  });
});
