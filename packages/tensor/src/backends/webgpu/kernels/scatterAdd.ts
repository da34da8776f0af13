import type { Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { address, walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import { type ContractRule, isVectorOperand } from "./context.js";
import { checkIndices } from "./faults.js";
import { sortRows } from "./sort.js";

/** Up to so many positions along the axis, each looks through all of them for its index; more are sorted. */
const fewPositions = 128;

/** The positions of an index: `count` along the axis, on lanes, which are the dims along which the index moves besides. */
interface Lanes {
  readonly count: number;
  readonly strides: readonly number[];
  readonly size: number;
}

/**
 * scatterAdd without atomics, in index order: positions of equal indices are brought together, and the first of them adds up all.
 * Where that is depends only on the dims along which the index moves, so that rows of an embedding share it.
 */
export const scatterAdd: ContractRule<"scatterAdd"> = ({ params, inputs, outputs, label }, context, group) => {
  const [index, source, out] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(out.shape) === 0) return [];
  if (sizeOf(source.shape) === 0) return [zero(out, label)];
  const { axis } = params;
  const count = source.shape[axis]!;
  const dims = index.shape.map((n, d) => (d === axis || index.strides[d] === 0 ? 1 : n));
  const lanes: Lanes = {
    count,
    strides: dims.map((n, d) => (n === 1 ? 0 : sizeOf(dims.slice(d + 1)))),
    size: sizeOf(dims),
  };
  const kernels = [...checkIndices(index, out.shape[axis]!, group, label), zero(out, label)];
  if (count <= fewPositions) {
    const workspace = context.workspace(lanes.size * count);
    const link = linkKernel(index, axis, dims, lanes, workspace, label);
    return [...kernels, link, addKernel({ index, source, out, axis, lanes, workspace, label }, false)];
  }
  const rows = {
    ...index,
    shape: [...dims, count],
    strides: [...index.strides.map((s, d) => (d === axis ? 0 : s)), index.strides[axis]!],
  };
  const sorted = sortRows(rows, false, context, label);
  const add = addKernel({ index, source, out, axis, lanes, workspace: sorted.at, label }, true);
  return [...kernels, ...sorted.kernels, add];
};

function zero(out: Operand, label: string): Kernel {
  const names = out.shape.map((_, d) => `n${d}`);
  const last = names.length - 1;
  const four = last >= 0 && isVectorOperand(out, last);
  const { workgroup, grid, lines } = walk(out.shape, four ? 4 : 1, names);
  const at = address(out.strides, out.offset, names);
  const code = [entry(workgroup), ...lines, four ? `stv0(${at}, vec4u());` : `st0(${at}, 0u);`, "}"].join("\n");
  return {
    label: `${label}, zeros`,
    places: [{ slot: out.slot }],
    memory: four ? "vectors" : "words",
    code,
    workgroup,
    grid,
  };
}

/**
 * Word position * lanes + lane of the workspace: the next position of the same index (`count` for none), flipped in sign when an
 * earlier one has it too: then somebody else starts the chain.
 */
function linkKernel(
  index: Operand,
  axis: number,
  dims: readonly number[],
  { count, strides, size }: Lanes,
  workspace: number,
  label: string,
): Kernel {
  const names = [...dims.map((_, d) => `n${d}`), "position"];
  const { workgroup, grid, lines } = walk([...dims, count], 1, names);
  const still = index.strides.map((s, d) => (d === axis ? 0 : s));
  const at = (position: string) => `ld0(base + (${position}) * ${index.strides[axis]})`;
  const code = [
    entry(workgroup),
    ...lines,
    `let base = ${address(still, index.offset, names)};`,
    `let own = ${at("position")};`,
    "var next = position + 1;",
    `for (; next < ${count}; next++) { if (${at("next")} == own) { break; } }`,
    "var before = position - 1;",
    `for (; before >= 0; before--) { if (${at("before")} == own) { break; } }`,
    `st1(position * ${size} + ${address(strides, 0, names)}, bitcast<u32>(select(next, -next, before >= 0)));`,
    "}",
  ].join("\n");
  return {
    label: `${label}, link`,
    places: [{ slot: index.slot }, { workspace }],
    memory: "words",
    code,
    workgroup,
    grid,
  };
}

interface Adding {
  readonly index: Operand;
  readonly source: Operand;
  readonly out: Operand;
  readonly axis: number;
  readonly lanes: Lanes;
  readonly workspace: number;
  readonly label: string;
}

/** The first of equal indices adds up the elements of all, along the chain or along the `sorted` row. */
function addKernel({ index, source, out, axis, lanes, workspace, label }: Adding, sorted: boolean): Kernel {
  const names = source.shape.map((_, d) => `n${d}`);
  const last = names.length - 1;
  const four =
    axis !== last &&
    index.strides[last] === 0 &&
    isVectorOperand(source, last) &&
    isVectorOperand({ ...out, shape: source.shape }, last);
  const { workgroup, grid, lines } = walk(source.shape, four ? 4 : 1, names);
  const T = source.dtype === "f32" ? (four ? "vec4f" : "f32") : four ? "vec4i" : "i32";
  const v = four ? "v" : "";
  const { count, size } = lanes;
  const n = `n${axis}`;
  const along = (list: readonly string[], position: string) => list.map((name, d) => (d === axis ? position : name));
  const chain = (position: string) => `bitcast<i32>(ld3((${position}) * ${size} + lane))`;
  const place = address(index.strides, index.offset, names);
  const still = source.strides.map((s, d) => (d === axis ? 0 : s));
  const take = (position: string) =>
    `total += bitcast<${T}>(ld${v}1(source0 + ${position} * ${source.strides[axis]}));`;
  const first = sorted
    ? [
        `let row = lane * ${count};`,
        `let key = ld3(row + ${n});`,
        // Only the first of equal indices goes on; what lies in front of a row is not looked at.
        `if (${n} > 0 && ld3(max(row + ${n} - 1, 0)) == key) { return; }`,
        "let place = bitcast<i32>(key ^ 0x80000000u);",
      ]
    : [`var next = ${chain(n)};`, "if (next < 0) { return; }", `let place = bitcast<i32>(ld0(${place}));`];
  const loop = sorted
    ? [
        `for (var at_ = ${n}; at_ < ${count}; at_++) {`,
        "if (ld3(row + at_) != key) { break; }",
        take(`bitcast<i32>(ld3(${size * count} + row + at_))`),
        "}",
      ]
    : [
        `var position = ${n};`,
        "for (;;) {",
        take("position"),
        `if (next >= ${count}) { break; }`,
        "position = next;",
        `next = abs(${chain("position")});`,
        "}",
      ];
  const code = [
    entry(workgroup),
    ...lines,
    `let lane = ${address(lanes.strides, 0, names)};`,
    ...first,
    `if (place < 0 || place >= ${out.shape[axis]}) { return; }`,
    `let source0 = ${address(still, source.offset, names)};`,
    `var total = ${T}();`,
    ...loop,
    `st${v}2(${address(out.strides, out.offset, along(names, "place"))}, bitcast<${four ? "vec4u" : "u32"}>(total));`,
    "}",
  ].join("\n");
  return {
    label,
    places: [{ slot: index.slot }, { slot: source.slot }, { slot: out.slot }, { workspace }],
    memory: four ? "vectors" : "words",
    code,
    workgroup,
    grid,
  };
}
