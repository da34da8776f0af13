import fc from "fast-check";
import { expect, test } from "vitest";
import { LineAllocator, linesFor } from "../../src/memory.js";

type Step = { kind: "allocate"; lines: number } | { kind: "free"; pick: number } | { kind: "trim" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("allocate" as const), lines: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("free" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "trim" as const }) },
);

/** Checks that blocks in use and free ranges tile [0, top) exactly, and that no two free ranges touch. */
function checkTiling(allocator: LineAllocator, held: number[]): void {
  const ranges = [
    ...held.map((start) => ({ start, lines: allocator.sizeOf(start), free: false })),
    ...[...allocator.freeRanges()].map(([start, lines]) => ({ start, lines, free: true })),
  ].sort((a, b) => a.start - b.start);
  let end = 0;
  let wasFree = false;
  for (const { start, lines, free } of ranges) {
    expect(start).toBe(end);
    expect(free && wasFree).toBe(false);
    end = start + lines;
    wasFree = free;
  }
  expect(end).toBe(allocator.top);
}

test("blocks never overlap, free neighbours are merged, and everything comes back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const allocator = new LineAllocator(5000);
      const held: number[] = [];
      for (const it of steps) {
        if (it.kind === "allocate") {
          const start = allocator.allocate(it.lines);
          if (start >= 0) {
            expect(allocator.sizeOf(start)).toBeGreaterThanOrEqual(it.lines);
            expect(allocator.sizeOf(start)).toBeLessThanOrEqual(Math.ceil((it.lines * 17) / 16));
            held.push(start);
          }
        } else if (it.kind === "free" && held.length > 0) {
          allocator.free(held.splice(it.pick % held.length, 1)[0]!);
        } else if (it.kind === "trim") {
          allocator.trim();
        }
        checkTiling(allocator, held);
        expect(allocator.usedLines).toBe(held.reduce((sum, start) => sum + allocator.sizeOf(start), 0));
        expect(allocator.top).toBeLessThanOrEqual(5000);
      }
      for (const start of held) allocator.free(start);
      expect(allocator.trim()).toBe(0);
      expect(allocator.usedLines).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test("a freed block is found again by the same size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 26 }), (lines) => {
      const allocator = new LineAllocator(2 ** 32 - 1);
      const first = allocator.allocate(lines);
      allocator.allocate(1);
      allocator.free(first);
      expect(allocator.allocate(lines)).toBe(first);
    }),
  );
});

test("batches of changing size do not fragment the arena", () => {
  const allocator = new LineAllocator(2 ** 20);
  let held: number[] = [];
  let peak = 0;
  let early = 0;
  for (let round = 0; round < 400; round++) {
    const size = 100 + ((round * 37) % 61) * 13;
    const next = [size, size * 3, size + 5, 7].map((lines) => allocator.allocate(lines));
    for (const start of held) allocator.free(start);
    held = next;
    peak = Math.max(peak, allocator.usedLines);
    if (round === 100) early = allocator.top;
  }
  expect(allocator.top).toBeLessThan(peak * 2.5);
  expect(allocator.top).toBeLessThan(early * 1.2);
});

test("the limit counts what is in use, the capacity where it lies", () => {
  const limited = new LineAllocator(1000, 100);
  const first = limited.allocate(60);
  expect(limited.allocate(60)).toBe(-1);
  limited.free(first);
  expect(limited.allocate(90)).toBeGreaterThanOrEqual(0);
  const small = new LineAllocator(100);
  expect(small.allocate(101)).toBe(-1);
  expect(small.allocate(100)).toBe(0);
});

test("sizes count lines of 64 bytes, at least one", () => {
  expect([0, 1, 64, 65, 2 ** 33].map(linesFor)).toEqual([1, 1, 1, 2, 2 ** 27]);
});
