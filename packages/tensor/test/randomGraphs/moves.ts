import { sizeOf } from "../../src/shape.js";
import type { Draw, Variable } from "./draw.js";
import type { FunctionName } from "./functions.js";

/** Tries to add a step; adds none when nothing fits. */
type Move = (draw: Draw) => void;

/** How far a value has to be from where a function jumps or bends: far more than f32 rounding moves it. */
const margin = 1e-3;

const all = (x: Variable, holds: (v: number) => boolean) => x.data.every(holds);
const isReal = (v: Variable) => v.dtype === "f32";
const axesOf = (x: Variable) => x.shape.map((_, i) => i);

/** True when no two elements are closer than the margin: then order does not hang on rounding. */
function separated(x: Variable): boolean {
  const sorted = Array.from(x.data).sort((a, b) => a - b);
  return sorted.every((v, i) => i === 0 || v - sorted[i - 1]! > margin);
}

/** Where each unary function is smooth and no ill-conditioned. */
const unary: { [name in FunctionName]?: (v: number) => boolean } = {
  neg: () => true,
  sin: () => true,
  cos: () => true,
  tanh: () => true,
  sigmoid: () => true,
  erf: () => true,
  atan: () => true,
  checkFinite: () => true,
  detach: () => true,
  exp: (v) => v < 1.7,
  log: (v) => v > 0.2,
  sqrt: (v) => v > 0.2,
  recip: (v) => Math.abs(v) > 0.3,
  abs: (v) => Math.abs(v) > margin,
  sign: (v) => Math.abs(v) > margin,
  floor: (v) => Math.abs(v - Math.round(v)) > margin,
};

/** A variable or new leaf that broadcasts with x. */
function partner(draw: Draw, x: Variable): Variable {
  const rank = x.shape.length;
  const fits = (v: Variable) =>
    isReal(v) &&
    v.shape.every((d, i) => {
      const other = x.shape[rank - v.shape.length + i] ?? 1;
      return d === other || d === 1 || other === 1;
    });
  const found = draw.chance(0.6) ? draw.pick(fits) : undefined;
  if (found) return found;
  const kept = x.shape.slice(draw.whole(0, rank)).map((d) => (draw.chance(0.3) ? 1 : d));
  return draw.leaf(kept, 0.3, 1.2);
}

/** x as images [N, C, H, W]: itself, or folded; undefined when it is too small. */
function images(draw: Draw): Variable | undefined {
  const found = draw.chance(0.7)
    ? draw.pick((v) => isReal(v) && v.shape.length === 4 && sizeOf(v.shape) > 0)
    : undefined;
  return found ?? draw.leaf([draw.whole(1, 2), draw.whole(1, 4), draw.whole(1, 5), draw.whole(2, 5)]);
}

const geometry = (draw: Draw, least: number): [number, number] => [draw.whole(least, 2), draw.whole(least, 2)];

const moves: { readonly [name: string]: { weight: number; move: Move } } = {
  unary: {
    weight: 8,
    move: (draw) => {
      const x = draw.pick();
      const name = draw.choose(Object.keys(unary) as FunctionName[]);
      if (x && all(x, unary[name]!)) draw.add(name, x);
    },
  },
  binary: {
    weight: 10,
    move: (draw) => {
      const x = draw.pick();
      if (!x) return;
      const y = draw.chance(0.15) ? draw.whole(-20, 20) / 16 : partner(draw, x);
      const name = draw.choose(["add", "sub", "mul", "mul", "div", "maximum", "minimum"] as const);
      const divisor = typeof y === "number" ? [y] : y.data;
      if (name === "div" && !Array.from(divisor).every((v) => Math.abs(v) > 0.3)) return;
      const [a, b] = draw.chance(0.5) || name === "div" ? [x, y] : [y, x];
      const apart = name.endsWith("imum") ? draw.add("sub", a, b) : undefined;
      if (apart && !all(apart, (v) => Math.abs(v) > margin)) return;
      draw.add(name, a, b);
    },
  },
  compare: {
    weight: 3,
    move: (draw) => {
      const x = draw.pick();
      if (!x) return;
      const y = partner(draw, x);
      const apart = draw.add("sub", x, y);
      if (!apart || !all(apart, (v) => Math.abs(v) > margin)) return;
      const condition = draw.add(draw.choose(["lt", "gt", "eq", "ne", "le", "ge"] as const), x, y)!;
      if (draw.chance(0.7)) draw.add("where", condition, x, draw.chance(0.3) ? 0.5 : y);
    },
  },
  wholeNumbers: {
    weight: 3,
    move: (draw) => {
      const isWhole = (v: Variable) => v.dtype !== "f32";
      const x = draw.pick(isWhole) ?? draw.add("wholeLeaf", draw.shape(), draw.whole(0, 1e6), -9, 9)!;
      const name = draw.choose([
        "add",
        "mul",
        "neg",
        "abs",
        "sign",
        "sub",
        "eq",
        "lt",
        "maximum",
        "cast",
        "sum",
        "logicalNot",
      ] as const);
      const target = draw.choose(["f32", "i32", "u8", "bool"] as const);
      if (name === "cast") draw.add("cast", x, target);
      else if (name === "sum") draw.add("sum", x, draw.subset(axesOf(x), 0));
      else if (name === "neg" || name === "abs" || name === "sign" || name === "logicalNot") draw.add(name, x);
      else draw.add(name, x, draw.chance(0.4) ? draw.whole(-3, 3) : x);
    },
  },
  leaves: {
    weight: 2,
    move: (draw) => {
      const seed = draw.whole(0, 1e6);
      draw.choose([
        () => draw.leaf(draw.shape()),
        () => draw.add("boolLeaf", draw.shape(), seed),
        () => draw.add("byteLeaf", draw.shape(), seed),
        () => draw.add("iota", draw.size()),
        () => draw.add("constant", draw.whole(-9, 9) / 8),
        () => draw.add("rand", draw.shape()),
        () => draw.add("randomBits", draw.shape()),
      ])();
    },
  },
  toWhole: {
    weight: 1,
    move: (draw) => {
      const x = draw.pick();
      const target = draw.choose(["i32", "bool"] as const);
      if (x && all(x, (v) => Math.abs(v - Math.round(v)) > margin)) draw.add("cast", x, target);
    },
  },

  reduce: {
    weight: 6,
    move: (draw) => {
      const x = draw.pick();
      if (!x || x.shape.length === 0) return;
      const axes = draw.subset(axesOf(x));
      const keepDims = draw.chance(0.5);
      const count = sizeOf(axes.map((a) => x.shape[a]!));
      const name = draw.choose(["sum", "sum", "amax", "argmax"] as const);
      if (name === "sum") {
        const total = draw.add("sum", x, axes, { keepDims });
        if (total) draw.add("mul", total, Math.max(count, 1) ** -0.5);
      } else if (count > 0 && separated(x)) {
        if (name === "amax") draw.add("amax", x, axes, { keepDims });
        else if (x.shape[axes[0]!]! > 0) draw.add("argmax", x, axes[0]!, { keepDims });
      }
    },
  },
  pattern: {
    weight: 3,
    move: (draw) => {
      const x = draw.pick((v) => isReal(v) && v.shape.length > 0 && v.shape.every((d) => d > 0));
      if (!x) return;
      if (draw.chance(0.5) && separated(x)) draw.add("softmax", x, draw.whole(0, x.shape.length - 1));
      else if (draw.chance(0.5) && x.shape.length > 1) draw.add("batchNorm", x);
      else draw.add("normalized", x, draw.subset(axesOf(x)));
    },
  },

  view: {
    weight: 12,
    move: (draw) => {
      const x = draw.pick(() => true);
      if (!x) return;
      const rank = x.shape.length;
      draw.choose([
        () => draw.add("permute", x, draw.order(rank)),
        () => draw.add("flip", x, draw.subset(axesOf(x), 0)),
        () => draw.add("reshape", x, refolded(draw, x.shape)),
        () => draw.add("expand", x, grown(draw, x.shape)),
        () => draw.add("slice", x, ...x.shape.map((d) => range(draw, d))),
        () => {
          const amount = (most: number) => x.shape.map(() => (draw.chance(0.5) ? 0 : draw.whole(0, most)));
          const value = x.dtype === "f32" ? draw.whole(-4, 4) / 4 : 1;
          draw.add("pad", x, amount(2), amount(2), amount(1), value);
        },
        () => {
          if (rank === 0) return;
          const axis = draw.whole(0, rank - 1);
          const fits = (v: Variable) =>
            v.dtype === x.dtype && v.shape.length === rank && v.shape.every((d, i) => i === axis || d === x.shape[i]);
          const parts = [x, draw.pick(fits)!, ...(draw.chance(0.3) ? [draw.pick(fits)!] : [])];
          draw.add("concat", parts, axis);
        },
      ])();
    },
  },

  matmul: {
    weight: 4,
    move: (draw) => {
      const x = draw.pick((v) => isReal(v) && v.shape.length > 0);
      if (!x) return;
      const k = x.shape.at(-1)!;
      const batch = draw.chance(0.3) ? x.shape.slice(0, -2).map((d) => (draw.chance(0.3) ? 1 : d)) : [];
      const fits = (v: Variable) => isReal(v) && v.shape.length === 2 && v.shape[0] === k;
      const y = (draw.chance(0.3) && draw.pick(fits)) || draw.leaf(draw.chance(0.1) ? [k] : [...batch, k, draw.size()]);
      const product = draw.add("matmul", x, y);
      if (product) draw.add("mul", product, Math.max(k, 1) ** -0.5);
    },
  },
  convolution: {
    weight: 3,
    move: (draw) => {
      const x = images(draw)!;
      const [, c, h, w] = x.shape as [number, number, number, number];
      const groups = draw.chance(0.3) ? c : 1;
      const kernel = [draw.whole(1, Math.min(3, h)), draw.whole(1, Math.min(3, w))];
      const options = {
        stride: geometry(draw, 1),
        padding: geometry(draw, 0),
        dilation: [1, 1] as [number, number],
        groups,
      };
      const outs = groups * draw.whole(1, groups > 1 ? 2 : 4);
      const weight = draw.leaf([outs, c / groups, ...kernel]);
      const y = draw.add("conv2d", x, weight, options);
      if (y) draw.add("mul", y, ((c / groups) * kernel[0]! * kernel[1]!) ** -0.5);
      if (y && draw.chance(0.3)) draw.add("conv2dInput", y, weight, x.shape, options);
    },
  },
  pool: {
    weight: 2,
    move: (draw) => {
      const x = images(draw)!;
      const kernel = [draw.whole(1, Math.min(3, x.shape[2]!)), draw.whole(1, Math.min(3, x.shape[3]!))];
      const padding = kernel.map((k) => draw.whole(0, Math.floor(k / 2)));
      const stride = geometry(draw, 1);
      if (draw.chance(0.5) && separated(x)) draw.add("maxPool2d", x, kernel, { stride, padding });
      else draw.add("avgPool2d", x, kernel, { stride, padding, countIncludePad: draw.chance(0.5) });
    },
  },
  index: {
    weight: 4,
    move: (draw) => {
      const x = draw.pick((v) => v.shape.length > 0 && v.dtype !== "bool" && v.shape.every((d) => d > 0));
      if (!x) return;
      const axis = draw.whole(0, x.shape.length - 1);
      const index = (shape: number[], size: number) => draw.add("wholeLeaf", shape, draw.whole(0, 1e6), 0, size - 1)!;
      draw.choose([
        () => draw.add("take", x, index(draw.shape(draw.whole(0, 2)), x.shape[axis]!), axis),
        () =>
          draw.add(
            "gather",
            x,
            axis,
            index(
              x.shape.map((d, i) => (i === axis ? draw.whole(0, 5) : draw.whole(1, d))),
              x.shape[axis]!,
            ),
          ),
        () => {
          const size = draw.whole(1, 6);
          if (isReal(x)) draw.add("scatterAdd", index([...x.shape], size), x, axis, size);
        },
        () => {
          if (isReal(x) && separated(x)) draw.addAll("sorted", [x, axis, draw.chance(0.5)]);
        },
      ])();
    },
  },
};

/** Other sizes with as many elements. */
function refolded(draw: Draw, shape: readonly number[]): number[] {
  let rest = sizeOf(shape);
  if (rest === 0) return draw.chance(0.5) ? [0, draw.whole(1, 3)] : [...shape];
  const sizes: number[] = [];
  while (rest > 1 && sizes.length < 3) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0);
    const d = draw.choose(divisors);
    sizes.push(d);
    rest /= d;
  }
  sizes.push(rest);
  return sizes;
}

function grown(draw: Draw, shape: readonly number[]): number[] {
  const inside = shape.map((d) => (d === 1 ? draw.whole(1, 4) : d));
  return draw.chance(0.4) && shape.length < 4 ? [draw.whole(1, 3), ...inside] : inside;
}

function range(draw: Draw, size: number): number | [number, number, number] | null {
  if (draw.chance(0.4)) return null;
  if (draw.chance(0.15) && size > 0) return draw.whole(-size, size - 1);
  const from = draw.whole(0, Math.max(0, size - 1));
  return [from, draw.whole(from, size), draw.chance(0.6) ? 1 : draw.whole(2, 3)];
}

const weighted = Object.values(moves).flatMap(({ weight, move }) => new Array<Move>(weight).fill(move));

/** Adds one random step, or none when what was drawn does not fit. */
export function randomMove(draw: Draw): void {
  draw.choose(weighted)(draw);
}
