import { afterAll, describe, expect, test } from "vitest";
import "../../src/tensor.js";
import { openCpuSync } from "../../src/backends/cpu/select.node.js";
import { type WebGpuOptions, webgpu } from "../../src/backends/webgpu/webgpu.js";
import { State } from "../../src/cell.js";
import { gradients } from "../../src/gradients.js";
import * as nn from "../../src/nn/index.js";
import { logSoftmax } from "../../src/ops/activation.js";
import { conv2d, matmul, maxPool2d } from "../../src/ops/contract.js";
import { cast } from "../../src/ops/convert.js";
import { add, exp, lt, mul, sub, where } from "../../src/ops/elementwise.js";
import { gather, scatterAdd, sort, take } from "../../src/ops/gather.js";
import { randn, tensor } from "../../src/ops/generate.js";
import { concat, flip, permute, slice, transpose } from "../../src/ops/movement.js";
import { amax, argmax, sum } from "../../src/ops/reduce.js";
import { manualSeed } from "../../src/random.js";
import { realize, use } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { compare } from "../compare.js";
import { planned } from "../engines.js";
import { randomLeaf } from "../finiteDifferences.js";
import { losses } from "./convBnTrainer.js";
import { softwareGpu } from "./softwareGpu.js";

// What a device does with tensors that no binding covers, shown on bindings of 16 KiB: tensors of up to ten times that.

const open = async (options: WebGpuOptions) => webgpu({ gpu: await softwareGpu(), ...options });
const cpu = openCpuSync();
const small = await open({ limits: { bindingBytes: 16384 } });
const smallHardware = await open({ limits: { bindingBytes: 16384 }, software: false });
const fewWorkgroups = await open({ limits: { workgroups: 64 } });
const backends = {
  "bindings of 16 KiB": small,
  "bindings of 16 KiB, hardware kernels": smallHardware,
  "64 workgroups a dimension": fewWorkgroups,
};
afterAll(() => Promise.all([cpu, ...Object.values(backends)].map((backend) => backend.close())));

const random = (...shape: number[]) => randomLeaf(shape, { seed: shape.length + (shape[0] ?? 0) });
const other = (...shape: number[]) => randomLeaf(shape, { seed: 1000 + (shape[0] ?? 0) });
const indices = (count: number, size: number, shape = [count]) =>
  tensor(Int32Array.from({ length: count }, (_, i) => (i * 7919 + (i >> 3)) % size)).reshape(shape);

/** y, and the gradients of its weighted sum. */
function withGradients(y: Tensor, ...x: Tensor[]): Tensor[] {
  return [y, ...gradients(sum(mul(y, randomLeaf(y.shape, { seed: 77 }))), x)];
}

const cases: { [name: string]: () => Tensor[] } = {
  "elementwise, with broadcasting, permuted, sliced and flipped": () => {
    const [x, y, row] = [random(40, 512), other(512, 40), random(512)];
    const z = add(mul(x, transpose(y)), row);
    return [z, flip(exp(slice(z, [3, 39], [1, 511])), [0, 1]), permute(z, [1, 0]), concat([x, z], 1)];
  },
  "bytes, whole numbers and odd sizes": () => {
    const x = random(91, 101);
    const less = lt(x, 0.1);
    return [less, cast(mul(x, 9), "i32"), cast(cast(mul(x, 100), "i32"), "u8"), where(less, x, sub(0, x))];
  },
  "reductions to rows, columns and one number": () => {
    const x = random(90, 120);
    const wide = random(3, 5000);
    const reduced = [0, 1].flatMap((axis) => [sum(x, axis), amax(x, axis), argmax(x, axis)]);
    return [...reduced, sum(x), amax(x), sum(wide, 1), amax(wide, 1), sum(cast(mul(x, 9), "i32"))];
  },
  "softmax over rows that no binding covers": () => [logSoftmax(random(3, 1500), 1)],
  "matmul and its gradients": () => {
    const [a, b] = [random(128, 64), other(64, 130)];
    return withGradients(matmul(a, b), a, b);
  },
  "matmul along a long inner dim": () => [matmul(random(5, 6000), transpose(other(7, 6000)))],
  "batches of matrices": () => {
    const [a, b] = [random(40, 9, 20), other(40, 20, 11)];
    return withGradients(matmul(a, b), a, b);
  },
  "conv2d and its gradients": () => {
    const [x, w] = [random(12, 8, 9, 10), other(8, 8, 3, 3)];
    return withGradients(conv2d(x, w, { stride: [2, 1], padding: 1 }), x, w);
  },
  "depthwise conv2d and its gradients": () => {
    const [x, w] = [random(9, 8, 9, 9), other(8, 1, 3, 3)];
    return withGradients(conv2d(x, w, { padding: 1, groups: 8 }), x, w);
  },
  "pooling and its gradients": () => {
    const x = random(9, 6, 11, 11);
    return withGradients(maxPool2d(x, 3, { stride: 2, padding: 1 }), x);
  },
  "gather from a table that takes several bindings, and its gradient": () => {
    const table = random(90, 60);
    const rows = take(table, indices(300, 90));
    return withGradients(rows, table);
  },
  "gather and scatterAdd along an inner axis": () => {
    const [x, index] = [random(60, 30), indices(60 * 40, 30, [60, 40])];
    return [gather(x, 1, index), scatterAdd(index, other(60, 40), 1, 30)];
  },
  "halves: sums, products and a convolution of whole numbers": () => {
    const whole = (x: Tensor) => cast(cast(mul(x, 2), "i32"), "f16");
    const [a, b] = [whole(random(128, 200)), whole(other(200, 64))];
    const [x, w] = [whole(random(12, 8, 19, 10)), whole(other(8, 8, 3, 3))];
    const long = matmul(whole(random(5, 9000)), transpose(whole(other(7, 9000))));
    return [add(a, a), matmul(a, b), long, conv2d(x, w, { padding: 1 }), sum(a, 0)];
  },
  "sort of many rows": () => Object.values(sort(random(80, 70), 1)),
};

for (const [what, backend] of Object.entries(backends)) {
  const engine = planned(backend, { name: what, tolerance: 2e-5 });
  // The other kernels of hardware are cut by the same rules.
  const differ = (name: string) => backend !== smallHardware || /conv2d and|batches|reductions/.test(name);
  describe(what, () => {
    test.each(Object.entries(cases).filter(([name]) => differ(name)))("%s", async (_, make) => {
      const expected = await planned(cpu).read(make());
      const values = make();
      const found = await engine.read(values);
      for (const [k, want] of expected.entries()) {
        const worst = compare(values[k]!.dtype, found[k]!, want);
        expect(worst?.error ?? 0, `output ${k} ${JSON.stringify(worst)}`).toBeLessThan(2e-5);
      }
    });
  });
}

describe("with bindings of 16 KiB", () => {
  test("a convolutional net with batch norm trains as on the CPU", async () => {
    const [expected, found] = [await losses(cpu, 3), await losses(small, 3)];
    for (const [i, loss] of expected.entries()) expect(found[i]! / loss, `step ${i}`).toBeCloseTo(1, 3);
  });

  test("an embedding and a vocabulary's logits train with Adam as on the CPU", async () => {
    const run = async (backend: typeof small | typeof cpu) => {
      use(backend);
      manualSeed(5);
      const table = new nn.Embedding(120, 40);
      const head = new nn.Linear(40, 120);
      const parameters = [...table.parameters(), ...head.parameters()];
      const moments = parameters.map(({ shape }) =>
        [0, 1].map(
          () => new State(tensor(new Float32Array(shape.reduce((a, b) => a * b, 1))).reshape(shape), "moment"),
        ),
      );
      const found: number[] = [];
      for (let step = 1; step <= 4; step++) {
        const words = indices(90 * step, 120);
        const loss = nn.crossEntropy(head.call(table.call(slice(words, [0, 64]))), slice(words, [1, 65]));
        gradients(loss, parameters).forEach((g, i) => {
          const [m, v] = moments[i]!;
          m!.set(add(mul(m!.value, 0.9), mul(g, 0.1)));
          v!.set(add(mul(v!.value, 0.99), mul(mul(g, g), 0.01)));
          const parameter = parameters[i]!;
          parameter.set(sub(parameter.value, mul(m!.value.div(add(v!.value.sqrt(), 1e-6)), 0.01)));
        });
        found.push(await loss.item());
      }
      return found;
    };
    const [expected, found] = [await run(cpu), await run(small)];
    expect(expected[3]!).toBeLessThan(expected[0]!);
    for (const [i, loss] of expected.entries()) expect(found[i]! / loss, `step ${i}`).toBeCloseTo(1, 3);
  });

  test("what cannot be cut is refused by name, with what it takes and what to do, and nothing else suffers", async () => {
    use(small);
    const table = randn([900, 60]);
    await expect((async () => realize(take(table, indices(10, 900))))()).rejects.toThrow(
      /\[webgpu\] .*gather.*: its 3 operands lie in \d+ bytes of memory that take \d+ bindings; this device lets a kernel have 11 of 16384 bytes\. Use a smaller batch/,
    );
    expect([...(await tensor([1, 2]).add(1).data())]).toEqual([2, 3]);
  });

  test("limits that the device does not have are refused", async () => {
    await expect(open({ limits: { bindingBytes: 1000 } })).rejects.toThrow(
      "limits.bindingBytes is 1000. Give a multiple of 256",
    );
    await expect(open({ limits: { workgroups: 2 ** 20 } })).rejects.toThrow(
      "limits.workgroups is 1048576. Give a multiple of 1, at most 65535",
    );
  });
});
