import { describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { make } from "../../src/node.js";
import { philox, seedWords } from "../../src/random.js";
import { sizeOf } from "../../src/shape.js";
import type { Tensor } from "../../src/tensor.js";
import { builds, planned, reference } from "../engines.js";
import { Interpreter } from "../interpreter/interpreter.js";

/** Random123's known answers for philox4x32-10: counter, key, words (kat_vectors of the Random123 1.14 distribution). */
const knownAnswers: [counter: number[], key: number[], words: number[]][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [new Array(4).fill(0xffffffff), new Array(2).fill(0xffffffff), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

test.each(knownAnswers)("philox of counter %j and key %j", (counter, key, words) => {
  expect([...philox(counter, key, new Uint32Array(4))]).toEqual(words);
});

interface Stream {
  seed: number;
  step: number;
  stream: number;
}

const draw = (kind: "bits" | "uniform", shape: number[], at: Stream): Tensor =>
  make("random", [], { kind, ...at }, shape, kind === "bits" ? "i32" : "f32");

/** Element i is word i mod 4 of counter (floor(i / 4), stream, step, 0). */
function expectedBits(count: number, { seed, step, stream }: Stream): number[] {
  const words = new Uint32Array(4);
  return Array.from({ length: count }, (_, i) => philox([i >>> 2, stream, step, 0], seedWords(seed), words)[i & 3]!);
}

const streams: Stream[] = [
  { seed: 0, step: 0, stream: 0 },
  { seed: 42, step: 3, stream: 1 },
  { seed: 2 ** 53 - 1, step: 2 ** 31 - 1, stream: 70_000 },
  { seed: 2 ** 32 + 5, step: 1, stream: 0 },
];
const shapes = [[4], [1], [0], [3, 7], [2, 5, 1, 3], [1027]];

describe.each([reference, planned(new Interpreter()), ...builds()])("random numbers on $name", (engine) => {
  test("start with Random123's first known answer", async () => {
    const [bits] = await engine.read([draw("bits", [4], streams[0]!)]);
    expect(Array.from(bits!, (b) => b >>> 0)).toEqual(knownAnswers[0]![2]);
  });

  test.each(streams)("are the bits of seed $seed, step $step, stream $stream", async (at) => {
    const found = await engine.read(shapes.map((shape) => draw("bits", shape, at)));
    shapes.forEach((shape, i) => {
      expect(Array.from(found[i]!, (b) => b >>> 0)).toEqual(expectedBits(sizeOf(shape), at));
    });
  });

  test.each(streams)("are exact uniforms of seed $seed, step $step, stream $stream", async (at) => {
    const found = await engine.read(shapes.map((shape) => draw("uniform", shape, at)));
    shapes.forEach((shape, i) => {
      expect(Array.from(found[i]!)).toEqual(expectedBits(sizeOf(shape), at).map((b) => (b >>> 8) * 2 ** -24));
    });
  });

  test("do not hang on what else is computed with them", async () => {
    const [sum, permuted] = [draw("uniform", [6, 5], streams[1]!), draw("uniform", [6, 5], streams[1]!)];
    const [plain, turned] = await engine.read([sum, permuted.permute(1, 0)]);
    const rows = Array.from(plain!);
    expect(Array.from(turned!)).toEqual(rows.map((_, i) => rows[(i % 6) * 5 + Math.floor(i / 6)]));
  });
});
