import type { Operand } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { address, walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import { type ContractRule, isVectorOperand } from "./context.js";
import { checkIndices } from "./faults.js";

/** Positions along the axis whose equal indices are linked at once; more come in further passes, which add to the result. */
const span = 2048;

/**
 * scatterAdd without atomics, in index order: for each position along the axis a first pass looks for the next one of the
 * same index, a second lets the first of each chain add up the chain. Chains depend only on the dims along which the
 * index moves, so that rows of an embedding share one.
 */
export const scatterAdd: ContractRule<"scatterAdd"> = ({ params, inputs, outputs, label }, context, group) => {
  const [index, source, out] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(out.shape) === 0) return [];
  const kernels: Kernel[] = [zero(out, label)];
  if (sizeOf(source.shape) === 0) return kernels;
  const { axis } = params;
  const size = out.shape[axis]!;
  kernels.unshift(...checkIndices(index, size, group, label));
  const count = source.shape[axis]!;
  // The index's own dims: along the others it repeats.
  const own = index.shape.map((n, d) => (d === axis ? count : index.strides[d] === 0 ? 1 : n));
  const lanes = own.map((n, d) => (d === axis ? 1 : n));
  const laneStrides = lanes.map((_, d) => sizeOf(lanes.slice(d + 1)) * (lanes[d] === 1 ? 0 : 1));
  const laneCount = sizeOf(lanes);
  const workspace = context.workspace(laneCount * Math.min(span, count));
  const names = index.shape.map((_, d) => `n${d}`);
  for (let first = 0; first < count; first += span) {
    const end = Math.min(count, first + span);
    kernels.push(
      link(index, axis, { first, end, size }, { lanes, laneStrides, laneCount }, workspace, label),
      add(index, source, out, axis, { first, end, size }, { laneStrides, laneCount, names }, workspace, label),
    );
  }
  return kernels;
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

interface Range {
  readonly first: number;
  readonly end: number;
  readonly size: number;
}

/**
 * Word (position - first) * lanes + lane of the workspace: the next position of the same index, flipped in sign when an
 * earlier one has it too (then somebody else starts the chain); `end` for none.
 */
function link(
  index: Operand,
  axis: number,
  { first, end }: Range,
  { lanes, laneStrides, laneCount }: { lanes: readonly number[]; laneStrides: readonly number[]; laneCount: number },
  workspace: number,
  label: string,
): Kernel {
  const dims = [...lanes.map((n, d) => (d === axis ? 1 : n)), end - first];
  const names = [...lanes.map((_, d) => `n${d}`), "position"];
  const { workgroup, grid, lines } = walk(dims, 1, names);
  const base = address(
    index.strides.map((s, d) => (d === axis ? 0 : s)),
    index.offset,
    names,
  );
  const at = (position: string) => `ld0(base + (${position}) * ${index.strides[axis]})`;
  const code = [
    entry(workgroup),
    ...lines,
    `let base = ${base};`,
    `let own = ${at(`position + ${first}`)};`,
    `var next = position + ${first + 1};`,
    `for (; next < ${end}; next++) { if (${at("next")} == own) { break; } }`,
    `var before = position + ${first - 1};`,
    `for (; before >= ${first}; before--) { if (${at("before")} == own) { break; } }`,
    `st1(position * ${laneCount} + ${address(laneStrides, 0, names)}, bitcast<u32>(select(next, -next, before >= ${first})));`,
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

function add(
  index: Operand,
  source: Operand,
  out: Operand,
  axis: number,
  { first, end, size }: Range,
  { laneStrides, laneCount, names }: { laneStrides: readonly number[]; laneCount: number; names: readonly string[] },
  workspace: number,
  label: string,
): Kernel {
  const dims = source.shape.map((n, d) => (d === axis ? end - first : n));
  const last = names.length - 1;
  const four =
    axis !== last &&
    index.strides[last] === 0 &&
    isVectorOperand(source, last) &&
    isVectorOperand({ ...out, shape: source.shape }, last);
  const { workgroup, grid, lines } = walk(dims, four ? 4 : 1, names);
  const T = source.dtype === "f32" ? (four ? "vec4f" : "f32") : four ? "vec4i" : "i32";
  const v = four ? "v" : "";
  const chain = (position: string) => `bitcast<i32>(ld3((${position}) * ${laneCount} + lane))`;
  const along = (list: readonly string[], position: string) => list.map((name, d) => (d === axis ? position : name));
  const code = [
    entry(workgroup),
    ...lines,
    `let lane = ${address(laneStrides, 0, names)};`,
    `var next = ${chain(`n${axis}`)};`,
    "if (next < 0) { return; }",
    `let place = bitcast<i32>(ld0(${address(index.strides, index.offset, along(names, `(n${axis} + ${first})`))}));`,
    `if (place < 0 || place >= ${size}) { return; }`,
    `let target_ = ${address(out.strides, out.offset, along(names, "place"))};`,
    `let source0 = ${address(
      source.strides.map((s, d) => (d === axis ? 0 : s)),
      source.offset,
      names,
    )};`,
    `var total = bitcast<${T}>(ld${v}2(target_));`,
    `var position = n${axis} + ${first};`,
    "for (;;) {",
    `total += bitcast<${T}>(ld${v}1(source0 + position * ${source.strides[axis]}));`,
    `if (next >= ${end}) { break; }`,
    "position = next;",
    `next = abs(${chain(`position - ${first}`)});`,
    "}",
    `st${v}2(target_, bitcast<${four ? "vec4u" : "u32"}>(total));`,
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
