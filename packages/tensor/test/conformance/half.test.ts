import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import "../../src/tensor.js";
import type { DType } from "../../src/dtype.js";
import { gradients } from "../../src/gradients.js";
import { halfToFloat } from "../../src/half.js";
import { crossEntropy } from "../../src/nn/crossEntropy.js";
import { leaf } from "../../src/node.js";
import { autocast } from "../../src/ops/autocast.js";
import { avgPool2d, conv2d, matmul, maxPool2d } from "../../src/ops/contract.js";
import { cast } from "../../src/ops/convert.js";
import { tensor } from "../../src/ops/generate.js";
import { linear } from "../../src/ops/linear.js";
import { concat } from "../../src/ops/movement.js";
import { batchNormTraining } from "../../src/ops/normalization.js";
import { Generator } from "../../src/random.js";
import { readHost, realize, use } from "../../src/realize.js";
import type { Tensor } from "../../src/tensor.js";
import { backends, builds, planned } from "../engines.js";

interface Halves {
  shape: number[];
  bits: number[];
}
interface Floats {
  shape: number[];
  data: number[];
}
interface Contraction {
  inputs: Halves[];
  output: Floats;
  gradients: Floats[];
}
interface Golden {
  widened: string;
  narrowed: string;
  arithmetic: Record<string, Halves> & { withFloat: unknown };
  contractions: Record<string, Contraction>;
  autocast: {
    x: Floats;
    y: number[];
    parameters: Record<string, Floats>;
    conv: Floats;
    logits: Floats;
    loss: number;
    scale: number;
    gradients: Record<string, Floats>;
  };
}
const golden = JSON.parse(readFileSync(new URL("../golden/half.json", import.meta.url), "utf8")) as Golden;

const digest = (bits: Uint16Array | Uint32Array) => createHash("sha256").update(bits).digest("hex");
const half = ({ shape, bits }: Halves) => leaf(Uint16Array.from(bits), shape, "f16");
const float = ({ shape, data }: Floats) => tensor(data, { shape });
const bitsOf = async (t: Tensor) => [...((await readHost(t)) as Uint16Array)].map(canonical);
const canonical = (bits: number) => ((bits & 0x7fff) > 0x7c00 ? 0x7e00 : bits);

/** Largest distance between two lists, relative to the largest element. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  const size = Math.max(...Array.from(b, Math.abs), 1e-30);
  return Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!))) / size;
}

const everyHalf = Uint16Array.from({ length: 65536 }, (_, i) => i);
const devices = backends();

/** The floats of half.py's narrowing_inputs. */
function narrowingInputs(): Float32Array {
  const middles = Float32Array.from({ length: 0x7c00 }, (_, i) => {
    const next = i === 0x7bff ? 65536 : halfToFloat(i + 1);
    return (halfToFloat(i) + next) / 2;
  });
  const size = [...new Uint32Array(middles.buffer)].flatMap((bits) => [bits - 1, bits, bits + 1]);
  // biome-ignore format: one list
  const edges = [
    0, 1, 0x007fffff, 0x00800000, 0x33000000, 0x33000001, 0x477fe000, 0x477fefff, 0x477ff000, 0x7f7fffff, 0x7f800000,
  ];
  const positive = [...size, ...edges];
  const words = Uint32Array.from([...positive, ...positive.map((bits) => (bits | 0x80000000) >>> 0), 0x7fc00000]);
  return new Float32Array(words.buffer);
}

describe.each(builds())("conversions on $name", (engine) => {
  test("every half is the float that PyTorch widens it to", async () => {
    const [wide] = await engine.read([cast(leaf(everyHalf, [65536], "f16"), "f32")]);
    const words = new Uint32Array((wide as Float32Array).buffer).map((w) =>
      (w & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : w,
    );
    expect(digest(words)).toBe(golden.widened);
  });

  test("floats round to the halves that PyTorch rounds them to, stored and in registers", async () => {
    const x = leaf(narrowingInputs(), [narrowingInputs().length], "f32");
    const stored = cast(x, "f16");
    const inRegisters = cast(cast(x.neg().neg(), "f16"), "f32");
    const [numbers, again] = await engine.read([stored, inRegisters]);
    expect(digest(Uint16Array.from((await readHost(stored)) as Uint16Array, canonical))).toBe(golden.narrowed);
    expect(again).toEqual(numbers);
  });
});

describe.each(devices)("halves on $name", (backend) => {
  const { arithmetic, contractions } = golden;

  test("arithmetic gives PyTorch's bits, in one kernel and one by one", async () => {
    for (const fusion of [true, false]) {
      const a = half(arithmetic.a!);
      const b = half(arithmetic.b!);
      const values = {
        add: a.add(b),
        sub: a.sub(b),
        mul: a.mul(b),
        div: a.div(b),
        maximum: a.maximum(b),
        neg: a.neg(),
        abs: a.abs(),
        relu: a.relu(),
        where: a.where(a.lt(b), b),
        addNumber: a.add(0.1),
        mulNumber: a.mul(0.1),
      };
      await planned(backend, { fusion }).read(Object.values(values));
      for (const [name, value] of Object.entries(values)) {
        expect(value.dtype, name).toBe("f16");
        expect(await bitsOf(value), name).toEqual(arithmetic[name]!.bits);
      }
    }
  });

  test("f16 with f32 is f32, with whole numbers f16; functions of real numbers and reductions are f32", () => {
    const a = half(arithmetic.a!);
    const types: [Tensor, DType][] = [
      [a.add(tensor(1)), "f32"],
      [a.add(tensor([1], { dtype: "i32" })), "f16"],
      [a.add(0.5), "f16"],
      [a.exp(), "f32"],
      [a.sum(), "f32"],
      [a.mean(), "f32"],
      [a.softmax(0), "f32"],
      [a.square(), "f32"],
      [a.lt(0), "bool"],
      [a.slice([0, 3]).reshape(3, 1), "f16"],
    ];
    for (const [value, dtype] of types) expect(value.dtype).toBe(dtype);
    expect(a.byteLength).toBe(2 * a.size);
  });

  const functions: Record<string, (...x: Tensor[]) => Tensor> = {
    matmul: (a, b) => matmul(a!, b!),
    matmulOdd: (a, b) => matmul(a!, b!),
    batched: (a, b) => matmul(a!, b!),
    linear: (x, w, b) => linear(x!, w!, b),
    conv2d: (x, w) => conv2d(x!, w!, { padding: 1 }),
    conv2dStride: (x, w) => conv2d(x!, w!, { stride: 2, padding: 1 }),
    conv2dGroups: (x, w) => conv2d(x!, w!, { padding: 1, groups: 4 }),
    maxPool2d: (x) => maxPool2d(x!, 2),
    avgPool2d: (x) => avgPool2d(x!, 2),
  };

  test.each(Object.keys(functions))("%s of halves, and its gradients, within a unit of PyTorch's", async (name) => {
    use(backend);
    const row = contractions[name]!;
    const inputs = row.inputs.map(half);
    const y = functions[name]!(...inputs);
    const seed = Float32Array.from({ length: y.size }, (_, i) => (((7 * i) % 11) - 5) / 4);
    const found = gradients(y, inputs, { seed: tensor(seed, { shape: y.shape }) });
    expect([y, ...found].map(({ dtype }) => dtype)).toEqual([y, ...inputs].map(() => "f16"));
    await realize(y, ...found);
    expect(distance(await y.data(), row.output.data)).toBeLessThan(2 ** -10);
    for (const [i, gradient] of found.entries())
      expect(distance(await gradient.data(), row.gradients[i]!.data), `gradient ${i}`).toBeLessThan(2 ** -9);
  });

  test("autocast: a network's values and gradients are PyTorch's", async () => {
    use(backend);
    const { autocast: net } = golden;
    const p = Object.fromEntries(Object.entries(net.parameters).map(([name, data]) => [name, float(data)]));
    const { conv, logits } = autocast(() => {
      const conv = conv2d(float(net.x), p.conv!, { stride: 2, padding: 1 });
      const { y } = batchNormTraining(conv, { weight: p.scale!, bias: p.shift! });
      return { conv, logits: linear(y.relu().flatten(1), p.weight!, p.bias) };
    });
    expect([conv.dtype, logits.dtype]).toEqual(["f16", "f16"]);
    const loss = crossEntropy(logits, tensor(Int32Array.from(net.y)));
    const names = Object.keys(net.gradients);
    const found = gradients(
      loss,
      names.map((name) => p[name]!),
      { seed: tensor(net.scale) },
    );
    expect([loss, ...found].map(({ dtype }) => dtype)).toEqual([loss, ...names].map(() => "f32"));
    await realize(conv, logits, loss, ...found);
    expect(distance(await conv.data(), net.conv.data)).toBeLessThan(2 ** -10);
    expect(distance(await logits.data(), net.logits.data)).toBeLessThan(2 ** -9);
    expect(await loss.item()).toBeCloseTo(net.loss, 3);
    for (const [i, gradient] of found.entries())
      expect(distance(await gradient.data(), net.gradients[names[i]!]!.data), names[i]).toBeLessThan(5e-3);
  });

  test("a block with branches gives the same, and the same gradients, fused and op by op, near those of f32", async () => {
    const draw = new Generator(8);
    const random = (...shape: number[]) =>
      tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => draw.normal() / 2),
        { shape },
      );
    const leaves = [random(2, 3, 6, 6), random(8, 3, 3, 3), random(8, 8, 3, 3), random(3, 80), random(4, 3)];
    const block = ([x, first, second, weight, last]: Tensor[]) => {
      const a = conv2d(x!, first!, { padding: 1 }).relu();
      const b = conv2d(a, second!, { padding: 1 }).add(a).mul(0.7);
      const pooled = maxPool2d(b.maximum(a.mul(-0.1)), 2);
      const edge = concat([pooled.slice(null, null, [0, 2]), pooled.flip(2).slice(null, null, [0, 3])], 2).slice(
        null,
        null,
        [0, 5],
        [0, 2],
      );
      const h = linear(edge.reshape(2, 80), weight!).sub(0.1);
      return matmul(last!, h.transpose())
        .where(tensor([true, false]), 0.25)
        .div(3)
        .cast("f32")
        .sum();
    };
    const run = async (fusion: boolean, make: () => Tensor) => {
      const loss = make();
      return planned(backend, { fusion }).read([loss, ...gradients(loss, leaves)]);
    };
    const half = () => autocast(() => block(leaves));
    const [fused, single, plain] = [
      await run(true, half),
      await run(false, half),
      await run(true, () => block(leaves)),
    ];
    fused.forEach((found, i) => {
      expect(distance(found, single[i]!), `value ${i}, op by op`).toBeLessThan(2 ** -9);
      expect(distance(found, plain[i]!), `value ${i}, f32`).toBeLessThan(2 ** -6);
      expect(found).not.toEqual(plain[i]);
    });
  });

  test("moves, joins and pads of odd sizes keep every half", async () => {
    use(backend);
    const bits = [...everyHalf].slice(0x3000, 0x3000 + 63);
    const x = leaf(Uint16Array.from(bits), [7, 9], "f16");
    const turned = x.transpose();
    const flipped = x.flip(1);
    const joined = x.slice(null, [0, 5]).transpose().reshape(-1);
    await realize(turned, flipped, joined);
    const at = (i: number, j: number) => bits[i * 9 + j]!;
    expect(await bitsOf(turned)).toEqual(Array.from({ length: 63 }, (_, k) => at(k % 7, Math.floor(k / 7))));
    expect(await bitsOf(flipped)).toEqual(Array.from({ length: 63 }, (_, k) => at(Math.floor(k / 9), 8 - (k % 9))));
    expect(await bitsOf(joined)).toEqual(Array.from({ length: 35 }, (_, k) => at(k % 7, Math.floor(k / 7))));
    const gathered = x.gather(0, tensor([[6, 0, 3, 1, 2, 5, 4, 6, 0]], { dtype: "i32" }));
    expect(gathered.dtype).toBe("f16");
    expect(await bitsOf(gathered)).toEqual([6, 0, 3, 1, 2, 5, 4, 6, 0].map((i, j) => at(i, j)));
  });
});

test("data() gives numbers, tensor() rounds them, and text names the dtype", async () => {
  use(devices[0]!);
  const x = tensor([1, 0.1, 70000], { dtype: "f16" });
  expect(await x.data()).toEqual(Float32Array.from([1, 0.0999755859375, Number.POSITIVE_INFINITY]));
  expect(await x.toArray()).toEqual([1, 0.0999755859375, Number.POSITIVE_INFINITY]);
  expect(await x.slice([1, 2]).item()).toBe(0.0999755859375);
  expect(String(tensor([1, 2], { dtype: "f16" }))).toBe("tensor([1., 2.], dtype=f16)");
});
