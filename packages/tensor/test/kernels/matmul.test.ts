import { describe, it } from "vitest";
import type { ContractGroup } from "../../src/backend.js";
import { Draw, operand, span } from "./draw.js";
import { backends, expectAgreement, seeds } from "./outcome.js";

const all = backends();

function product(draw: Draw, batch: readonly number[], M: number, N: number, K: number, plain: boolean) {
  const shapes = [
    [...batch, M, K],
    [...batch, K, N],
    [...batch, M, N],
  ];
  const strides = shapes.map((shape, which) => {
    const rank = shape.length;
    const straight = shape.map((_, d) => d);
    if (plain) return draw.dense(shape, straight, false);
    const order = draw.chance(0.4)
      ? straight
      : draw.chance(0.6)
        ? [...straight.slice(0, rank - 2), rank - 1, rank - 2]
        : draw.shuffled(straight);
    return draw.dense(shape, order).map((s, d) => (which < 2 && d < rank - 2 && draw.chance(0.3) ? 0 : s));
  });
  const memory = shapes.map((shape, i) => draw.memory("f32", span(shape, strides[i]!).length + draw.int(0, 2)));
  const operands = shapes.map((shape, i) => operand(i, "f32", shape, strides[i]!));
  const group: ContractGroup<"matmul"> = {
    kind: "contract",
    op: "matmul",
    params: null,
    inputs: operands.slice(0, 2),
    outputs: operands.slice(2),
    commit: false,
    label: "matmul",
  };
  return { groups: [group], memory };
}

describe("matmul", () => {
  it("agrees with the interpreter on random shapes and strides", async () => {
    for (let seed = 0; seed < seeds(300); seed++) {
      const draw = new Draw(seed);
      const size = () =>
        draw.chance(0.03) ? 0 : draw.chance(0.15) ? 1 : draw.chance(0.3) ? draw.int(1, 70) : draw.int(1, 20);
      const batch = Array.from({ length: draw.pick([0, 0, 1, 2]) }, () => draw.int(1, 4));
      const [M, N, K] = [size(), size(), size()];
      await expectAgreement(
        all,
        product(draw, batch, M, N, K, draw.chance(0.3)),
        2e-5,
        `seed ${seed}: ${batch} ${M} ${N} ${K}`,
      );
    }
  });

  const sizes: [number[], number, number, number][] = [
    [[], 200, 300, 600],
    [[], 1, 700, 300],
    [[], 700, 1, 300],
    [[], 3, 500, 64],
    [[], 500, 3, 64],
    [[], 37, 1000, 65],
    [[], 10, 20, 9000],
    [[], 5, 3, 20_000],
    [[70], 8, 9, 10],
    [[2], 180, 64, 260],
    [[300], 1, 5, 3],
    [[], 64, 900, 520],
    // Strides that share sets of the cache; batches packed as a whole.
    [[], 150, 300, 1024],
    [[3], 200, 150, 257],
  ];
  // Large products, made for the blocks of processors, take long where one plays a GPU.
  const isHere = ([, M, N, K]: (typeof sizes)[number]) => process.env.FAI_TEST_DEVICE !== "webgpu" || M * N * K < 2e7;
  it.each(sizes.filter(isHere))("%j %i by %i over %i", async (batch, M, N, K) => {
    for (const plain of [true, false, false, false].slice(0, 1 + seeds(3))) {
      await expectAgreement(all, product(new Draw(M + N), batch, M, N, K, plain), 1e-4, "product");
    }
  });
});
