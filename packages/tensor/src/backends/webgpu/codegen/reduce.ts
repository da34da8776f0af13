import type { ReduceGroup } from "../../../backend.js";
import { sizeOf } from "../../../shape.js";
import { entry, type Kernel } from "../kernel.js";
import { accumulator, type Reduction } from "./accumulator.js";
import { functionsFor } from "./functions.js";
import { instructionLines, registerTypes, typed } from "./instructions.js";
import { meet, subgroupBuiltins } from "./meet.js";
import { byteFunctions, isAligned, loadText, Places, type Points, Scalars, storeText } from "./memoryText.js";
import { address, collapse, split, walk } from "./space.js";

/** How many points an invocation adds up before the total moves on: bounds the rounding error of long sums. */
const block = 64;

/** What the kernels of a reduce group know about it. */
interface Shape {
  readonly group: ReduceGroup;
  /** Kept and reduced dims, merged, and each load's and reduction's strides over them. */
  readonly kept: readonly number[];
  readonly reduced: readonly number[];
  readonly loads: readonly { kept: readonly number[]; reduced: readonly number[] }[];
  readonly stores: readonly (readonly number[])[];
  readonly types: readonly ("f32" | "i32")[];
  readonly outputs: number;
  readonly length: number;
}

function shapeOf(group: ReduceGroup): Shape {
  const part = (wanted: boolean) => {
    const only = <T>(list: readonly T[]) => list.filter((_, d) => group.reduced[d] === wanted);
    const lists = group.loads.map((load) => (load.kind === "scalar" ? group.dims.map(() => 0) : load.strides));
    return collapse(only(group.dims), [...lists, ...(wanted ? [] : group.reductions.map((r) => r.strides))].map(only));
  };
  const kept = part(false);
  const reduced = part(true);
  const count = group.loads.length;
  return {
    group,
    kept: kept.dims,
    reduced: reduced.dims,
    loads: group.loads.map((_, k) => ({ kept: kept.lists[k]!, reduced: reduced.lists[k]! })),
    stores: kept.lists.slice(count),
    types: group.reductions.map((r) => registerTypes(group.loads, group.instructions)[r.register]!),
    outputs: sizeOf(kept.dims),
    length: sizeOf(reduced.dims),
  };
}

/**
 * The kernels of a reduce group. Each result is the work of `lanes` invocations (1, or a workgroup of 64 that meet in
 * shared memory, for rows on hardware that likes neighbours to read neighbours), over `parts` of the reduced points;
 * with several parts a second kernel adds them up in order. `workspace` gives the byte offset of that many words.
 */
export function reduceKernels(
  group: ReduceGroup,
  { software, subgroups, workspace }: { software: boolean; subgroups: boolean; workspace: (words: number) => number },
): Kernel[] {
  const shape = shapeOf(group);
  if (shape.outputs === 0) return [];
  const hasBytes = group.reductions.some(({ dtype }) => dtype === "u8" || dtype === "bool");
  const keptAlong = shape.kept.length - 1;
  const rows = shape.loads.some(({ reduced }) => reduced.at(-1) === 1);
  const simple = group.reductions.every(({ op }) => op !== "argmax");
  const fourKept =
    keptAlong >= 0 &&
    !hasBytes &&
    !rows &&
    shape.kept[keptAlong]! % 4 === 0 &&
    shape.loads.some(({ kept }) => kept[keptAlong] === 1) &&
    shape.stores.every((strides, k) => isAligned(strides, group.reductions[k]!.offset, keptAlong));
  const fourReduced = !fourKept && !hasBytes && simple && rows && shape.reduced.at(-1)! % 4 === 0 && shape.length >= 16;
  // A commit looks at the guard first, which no barrier may follow.
  const lanes = !software && !group.commit && rows && shape.length >= 128 ? 64 : 1;
  const width = fourKept || fourReduced ? 4 : 1;
  const step = fourReduced ? 4 : 1;
  const units = Math.ceil(shape.outputs / (fourKept ? 4 : 1)) * lanes;
  const wanted = Math.ceil((software ? 512 : 16384) / units);
  const parts = Math.max(1, Math.min(wanted, Math.floor(shape.length / (256 * lanes)), 1024));
  const perPart = Math.ceil(shape.length / parts / step) * step;

  const places = new Places();
  const scalars = new Scalars();
  const coordinates = shape.kept.map((_, d) => `c${d}`);
  const inner = shape.reduced.map((_, d) => `q${d}`);
  const along = fourKept ? keptAlong : fourReduced ? shape.kept.length + shape.reduced.length - 1 : -1;
  const points: Points = { width, coordinates: [...coordinates, ...inner], along };
  const loads = group.loads.map(
    (load, k) =>
      `let r${k} = ${loadText(load, [...shape.loads[k]!.kept, ...shape.loads[k]!.reduced], points, places, scalars)};`,
  );
  const accumulators = group.reductions.map((r, k) => accumulator(r.op, shape.types[k]!));
  const position = "q";
  const { workgroup, grid, lines } =
    lanes === 1 ? walk(shape.kept, fourKept ? 4 : 1, coordinates, parts) : laneWalk(shape.kept, coordinates, parts);
  const start = parts > 1 ? `part * ${perPart}` : "0";
  const end = parts > 1 ? `min(${shape.length}, (part + 1) * ${perPart})` : String(shape.length);
  const stride = step * lanes;
  const first = lanes > 1 ? `start + i32(local.x) * ${step}` : "start";
  const body = [
    ...lines,
    `let start = ${start};`,
    `let end = ${end};`,
    ...accumulators.flatMap((a, k) => a.start(`a${k}`)),
    `for (var base = ${first}; base < end; base += ${block * stride}) {`,
    ...accumulators.flatMap((a, k) => a.start(`b${k}`)),
    `for (var q = base; q < min(end, base + ${block * stride}); q += ${stride}) {`,
    ...split("q", shape.reduced, inner),
    ...loads,
    ...instructionLines(group.loads, group.instructions),
    ...group.reductions.flatMap((r, k) => accumulators[k]!.take(`b${k}`, `r${r.register}`, position)),
    "}",
    ...accumulators.flatMap((a, k) => a.merge(`a${k}`, `b${k}`)),
    "}",
  ];

  // From here on a result is one element (or four kept ones).
  const across = (k: number) => {
    const [type, op] = [shape.types[k]!, group.reductions[k]!.op];
    const parts4 = [..."xyzw"].map((c) => `a${k}.${c}`);
    if (op === "sum") return `(${parts4[0]} + ${parts4[1]}) + (${parts4[2]} + ${parts4[3]})`;
    const larger = type === "f32" ? "maxOf1" : "max";
    return `${larger}(${larger}(${parts4[0]}, ${parts4[1]}), ${larger}(${parts4[2]}, ${parts4[3]}))`;
  };
  const result = (k: number) => (fourReduced ? `e${k}` : `a${k}`);
  if (fourReduced) body.push(...group.reductions.map((_, k) => `var e${k} = ${across(k)};`));
  const shared: string[] = [];
  if (lanes > 1) {
    const { reductions } = group;
    const met = meet({ reductions, types: shape.types, result, lanes, scalar: fourReduced, subgroups });
    body.push(...met.lines);
    shared.push(...met.shared);
  }
  const finalPoints: Points = { width: fourKept ? 4 : 1, coordinates, along: fourKept ? keptAlong : -1 };
  const extra: Kernel[] = [];
  const totalWords = group.reductions.reduce((n, r) => n + (r.op === "argmax" ? 2 : 1), 0) * shape.outputs;
  if (parts === 1) {
    body.push(
      ...group.reductions.map((r, k) =>
        storeText(r, places.slot(r), valueOf(r, result(k)), shape.stores[k]!, finalPoints),
      ),
    );
  } else {
    const at = workspace(totalWords * parts);
    const operand = places.of({ workspace: at });
    const linear = address(linearStrides(shape.kept), 0, coordinates);
    let field = 0;
    for (const [k, r] of group.reductions.entries()) {
      for (const value of r.op === "argmax" ? [result(k), `${result(k)}_at`] : [result(k)]) {
        const to = `part * ${totalWords} + ${field++ * shape.outputs} + ${linear}`;
        body.push(
          fourKept ? `stv${operand}(${to}, bitcast<vec4u>(${value}));` : `st${operand}(${to}, bitcast<u32>(${value}));`,
        );
      }
    }
    extra.push(combine(shape, at, parts, totalWords, hasBytes));
  }
  const close = lanes > 1 ? ["}"] : [];
  const inSubgroups = body.some((line) => line.includes("subgroup"));
  const header = entry(workgroup, inSubgroups ? subgroupBuiltins : "");
  const code = typed([header, ...body, ...close, "}"].join("\n"), width);
  const functions = functionsFor(code, width) + (code.includes("maxOf1(") ? maxOf1 : "");
  return [
    {
      label: group.label,
      places: places.list,
      scalars: scalars.list,
      memory: hasBytes && parts === 1 ? "atomics" : width === 4 ? "vectors" : "words",
      ...(group.commit ? { guard: "commit" as const } : {}),
      ...(inSubgroups ? { subgroups: true } : {}),
      code: [functions, width === 4 ? byteFunctions : "", ...shared, code].join("\n"),
      workgroup,
      grid,
    },
    ...extra,
  ];
}

const maxOf1 = `
fn isNan1(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn maxOf1(a: f32, b: f32) -> f32 {
  return select(select(b, a, a > b), select(a, b, isNan1(b)), isNan1(a) || isNan1(b));
}`;

function valueOf(r: Reduction, name: string): string {
  return r.op === "argmax" ? `${name}_at` : name;
}

function linearStrides(dims: readonly number[]): number[] {
  return dims.map((_, d) => sizeOf(dims.slice(d + 1)));
}

/** One workgroup of 64 for each kept point and part. */
function laneWalk(kept: readonly number[], names: readonly string[], parts: number) {
  const total = sizeOf(kept) * parts;
  const columns = Math.min(total, 32768);
  const grid = [columns, Math.ceil(total / columns), 1] as const;
  const lines = [`let point = i32(group.x + group.y * ${columns}u);`, `if (point >= ${total}) { return; }`];
  if (parts > 1) lines.push(`let part = i32(u32(point) % ${parts}u);`, `let result = i32(u32(point) / ${parts}u);`);
  lines.push(...split(parts > 1 ? "result" : "point", kept, names));
  return { workgroup: [64, 1, 1] as const, grid, lines };
}

/** Adds up the parts of every result, in order. */
function combine(shape: Shape, workspace: number, parts: number, words: number, hasBytes: boolean): Kernel {
  const { group, kept, types, outputs } = shape;
  const places = new Places();
  const from = places.of({ workspace });
  const coordinates = kept.map((_, d) => `c${d}`);
  const { workgroup, grid, lines } = walk(kept, 1, coordinates);
  const body: string[] = [...lines, `let result = ${address(linearStrides(kept), 0, coordinates)};`];
  const accumulators = group.reductions.map((r, k) => accumulator(r.op, types[k]!));
  body.push(
    ...accumulators.flatMap((a, k) => a.start(`a${k}`)),
    `for (var base = 0; base < ${parts}; base += 32) {`,
    ...accumulators.flatMap((a, k) => a.start(`b${k}`)),
    `for (var part = base; part < min(${parts}, base + 32); part++) {`,
  );
  let field = 0;
  group.reductions.forEach((r, k) => {
    const word = () => `ld${from}(part * ${words} + ${field++ * outputs} + result)`;
    body.push(`let o${k} = bitcast<${types[k]}>(${word()});`);
    if (r.op === "argmax") body.push(`let o${k}_at = bitcast<i32>(${word()});`);
    body.push(...accumulators[k]!.merge(`b${k}`, `o${k}`));
  });
  body.push("}", ...accumulators.flatMap((a, k) => a.merge(`a${k}`, `b${k}`)), "}");
  const points: Points = { width: 1, coordinates, along: -1 };
  for (const [k, r] of group.reductions.entries()) {
    body.push(storeText(r, places.slot(r), valueOf(r, `a${k}`), shape.stores[k]!, points));
  }
  const code = typed([entry(workgroup), ...body, "}"].join("\n"), 1);
  return {
    label: `${group.label}, parts`,
    places: places.list,
    memory: hasBytes ? "atomics" : "words",
    ...(group.commit ? { guard: "commit" as const } : {}),
    code: `${functionsFor(code, 1)}\n${code}`,
    workgroup,
    grid,
  };
}
