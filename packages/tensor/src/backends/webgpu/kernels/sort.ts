import type { Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { address, walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import type { Context, ContractRule } from "./context.js";

/** Runs of this many elements are sorted by insertion before runs are merged. */
const run = 8;

/** Rows in order, in the workspace from byte `at` on: the keys of all rows, then the positions that they came from. */
export interface Sorted {
  readonly kernels: Kernel[];
  readonly at: number;
}

/**
 * The kernels that sort along the last axis: keys that order as unsigned words (of i32: the number, its sign flipped) and the
 * positions they came from lie in the workspace; runs are merged pairwise, each element finding its place in the other run by
 * bisection, so that equal keys keep their order.
 */
export function sortRows(x: Operand, descending: boolean, context: Context, label: string): Sorted {
  const length = x.shape.at(-1) ?? 1;
  const total = sizeOf(x.shape);
  // Two sides to merge back and forth, each keys and then positions.
  const sides = [context.workspace(total * 2), context.workspace(total * 2)];
  const kernels = [runs(x, descending, length, total, sides[0]!, label)];
  let side = 0;
  for (let width = run; width < length; width *= 2) {
    kernels.push(merge(length, total, width, sides[side]!, sides[1 - side]!, label));
    side = 1 - side;
  }
  return { kernels, at: sides[side]! };
}

/** sort: keys and positions in order, then the elements from where they are. */
export const sort: ContractRule<"sort"> = ({ params, inputs, outputs, label }, context) => {
  const [x, values, indices] = [inputs[0]!, outputs[0]!, outputs[1]!];
  if (sizeOf(x.shape) === 0) return [];
  const { kernels, at } = sortRows(x, params.descending, context, label);
  return [...kernels, deliver(x, values, indices, sizeOf(x.shape), at, label)];
};

function runs(x: Operand, descending: boolean, length: number, total: number, to: number, label: string): Kernel {
  const rows = x.shape.slice(0, -1);
  const dims = [...rows, Math.ceil(length / run)];
  const names = [...rows.map((_, d) => `n${d}`), "piece"];
  const { workgroup, grid, lines } = walk(dims, 1, names);
  const last = x.strides.at(-1) ?? 0;
  const base = address(x.strides.slice(0, -1), x.offset, names);
  const row = address(
    rows.map((_, d) => sizeOf(rows.slice(d + 1))),
    0,
    names,
  );
  const byte = x.dtype === "u8" || x.dtype === "bool";
  const load = byte ? `u32(lb0(base + j * ${last}))` : `ld0(base + j * ${last})`;
  const key =
    x.dtype !== "f32"
      ? "word ^ 0x80000000u"
      : // Zeros of both signs are equal, NaN is the largest; negative numbers order backwards.
        "select(select(select(word | 0x80000000u, ~word, word >= 0x80000000u), 0x80000000u, (word & 0x7fffffffu) == 0u), 0xffffffffu, (word & 0x7fffffffu) > 0x7f800000u)";
  const code = [
    `fn keyOf(word: u32) -> u32 { return ${descending ? "~" : ""}(${key}); }`,
    entry(workgroup),
    ...lines,
    `let base = ${base};`,
    `let out = (${row}) * ${length};`,
    `var keys: array<u32, ${run}>; var source: array<i32, ${run}>;`,
    `let first = piece * ${run}; let count = min(${run}, ${length} - first);`,
    "for (var k = 0; k < count; k++) {",
    "let j = first + k;",
    `let key = keyOf(${load});`,
    "var place = k;",
    "for (; place > 0; place--) {",
    "if (keys[place - 1] <= key) { break; }",
    "keys[place] = keys[place - 1]; source[place] = source[place - 1];",
    "}",
    "keys[place] = key; source[place] = j;",
    "}",
    "for (var k = 0; k < count; k++) {",
    `st1(out + first + k, keys[k]); st1(${total} + out + first + k, bitcast<u32>(source[k]));`,
    "} }",
  ].join("\n");
  return {
    label: `${label}, runs`,
    places: [{ slot: x.slot }, { workspace: to }],
    memory: "words",
    code,
    workgroup,
    grid,
  };
}

function merge(length: number, total: number, width: number, from: number, to: number, label: string): Kernel {
  const { workgroup, grid, lines } = walk([total / length, length], 1, ["row", "j"]);
  const code = [
    entry(workgroup),
    ...lines,
    `let base = row * ${length};`,
    "let key = ld0(base + j);",
    `let pair = j / ${2 * width} * ${2 * width};`,
    `let right = j - pair >= ${width};`,
    `let other = select(pair + ${width}, pair, right);`,
    `let start = min(other, ${length}); var low = start; var high = min(other + ${width}, ${length});`,
    // Elements of the left run go before equal ones of the right.
    "for (; low < high;) {",
    "let middle = (low + high) / 2;",
    "let found = ld0(base + middle);",
    "if (found < key || (right && found == key)) { low = middle + 1; } else { high = middle; }",
    "}",
    `let place = base + select(j + low - start, pair + (j - pair - ${width}) + (low - pair), right);`,
    `st1(place, key); st1(${total} + place, ld0(${total} + base + j));`,
    "}",
  ].join("\n");
  return {
    label: `${label}, merge`,
    places: [{ workspace: from }, { workspace: to }],
    memory: "words",
    code,
    workgroup,
    grid,
  };
}

function deliver(x: Operand, values: Operand, indices: Operand, total: number, from: number, label: string): Kernel {
  const dims = x.shape.length === 0 ? [1] : x.shape;
  const names = dims.map((_, d) => `n${d}`);
  const { workgroup, grid, lines } = walk(dims, 1, names);
  const linear = address(
    dims.map((_, d) => sizeOf(dims.slice(d + 1))),
    0,
    names,
  );
  const source = address(
    x.strides,
    x.offset,
    names.map((name, d) => (d === names.length - 1 ? "place" : name)),
  );
  const byte = x.dtype === "u8" || x.dtype === "bool";
  const to = address(values.strides, values.offset, names);
  const code = [
    entry(workgroup),
    ...lines,
    `let place = bitcast<i32>(ld1(${total} + ${linear}));`,
    byte ? `sb2(${to}, u32(lb0(${source})));` : `st2(${to}, ld0(${source}));`,
    `st3(${address(indices.strides, indices.offset, names)}, bitcast<u32>(place));`,
    "}",
  ].join("\n");
  return {
    label,
    places: [{ slot: x.slot }, { workspace: from }, { slot: values.slot }, { slot: indices.slot }],
    memory: byte ? "atomics" : "words",
    code,
    workgroup,
    grid,
  };
}
