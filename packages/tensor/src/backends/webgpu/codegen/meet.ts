import { accumulator, type Reduction } from "./accumulator.js";
import { typed } from "./instructions.js";

/** What the lanes of a workgroup have found: reduction k of a type in the variable `result(k)`. */
export interface Meeting {
  readonly reductions: readonly Reduction[];
  readonly types: readonly ("f32" | "i32")[];
  readonly result: (k: number) => string;
  readonly lanes: number;
  /** True when results are one number though points are four. */
  readonly scalar: boolean;
  /** Lanes of a subgroup add up among themselves first. */
  readonly subgroups: boolean;
}

/** Builtins that a kernel with subgroups takes besides those of `entry`. */
export const subgroupBuiltins = ", @builtin(subgroup_size) laneCount: u32, @builtin(subgroup_invocation_id) lane: u32";

/** Lines after which one lane holds the results of all, with a block open that only it enters; and the declarations they need. */
export function meet(meeting: Meeting): { lines: string[]; shared: string[] } {
  return meeting.subgroups && meeting.reductions.every(({ op }) => op !== "argmax")
    ? inSubgroups(meeting)
    : inHalves(meeting);
}

/** Sums and maxima of a subgroup are one instruction; the first lane merges what the subgroups left in shared memory. */
function inSubgroups({ reductions, types, result, lanes, scalar }: Meeting): { lines: string[]; shared: string[] } {
  const shared = reductions.map((_, k) => `var<workgroup> s${k}: array<${types[k]}, ${lanes / 4}>;`);
  const one = (text: string) => (scalar ? typed(text, 1).replace(/\b(maxOf|isNan)\(/g, "$11(") : text);
  const lines = reductions.map(({ op }, k) => {
    const own = result(k);
    if (op === "sum") return `${own} = subgroupAdd(${own});`;
    if (types[k] === "i32") return `${own} = subgroupMax(${own});`;
    // What a maximum makes of NaN is the device's choice.
    return one(
      `let n${k} = subgroupAny(isNan(${own})); ${own} = select(subgroupMax(${own}), F(bitcast<f32>(0x7fc00000u + local.y)), n${k});`,
    );
  });
  lines.push(
    "let subgroup = local.x / laneCount;",
    `if (lane == 0u) { ${reductions.map((_, k) => `s${k}[subgroup] = ${result(k)};`).join(" ")} }`,
    "workgroupBarrier();",
    "if (local.x == 0u) {",
    `for (var other = 1u; other < ${lanes}u / laneCount; other++) {`,
  );
  reductions.forEach(({ op }, k) => {
    lines.push(`let o${k} = s${k}[other];`, ...accumulator(op, types[k]!).merge(result(k), `o${k}`).map(one));
  });
  lines.push("}");
  return { lines, shared };
}

/** The lanes halve their number until one is left. */
function inHalves({ reductions, types, result, lanes, scalar }: Meeting): { lines: string[]; shared: string[] } {
  const shared: string[] = [];
  const lines: string[] = [];
  const one = (text: string) => (scalar ? typed(text, 1).replace(/\b(maxOf|isNan)\(/g, "$11(") : text);
  const fields = reductions.flatMap((r, k) => {
    const T = types[k] === "f32" ? "f32" : "i32";
    shared.push(`var<workgroup> s${k}: array<${T}, ${lanes}>;`);
    if (r.op !== "argmax") return [[`s${k}`, result(k)]];
    shared.push(`var<workgroup> s${k}_at: array<i32, ${lanes}>;`);
    return [
      [`s${k}`, result(k)],
      [`s${k}_at`, `${result(k)}_at`],
    ];
  });
  for (const [array, value] of fields) lines.push(`${array}[local.x] = ${value};`);
  lines.push("workgroupBarrier();");
  lines.push(`for (var half = ${lanes / 2}u; half > 0u; half >>= 1u) {`, "if (local.x < half) {");
  reductions.forEach((r, k) => {
    lines.push(`let o${k} = s${k}[local.x + half];`);
    if (r.op === "argmax") lines.push(`let o${k}_at = s${k}_at[local.x + half];`);
    lines.push(...accumulator(r.op, types[k]!).merge(result(k), `o${k}`).map(one));
  });
  for (const [array, value] of fields) lines.push(`${array}[local.x] = ${value};`);
  lines.push("}", "workgroupBarrier();", "}", "if (local.x == 0u) {");
  return { lines, shared };
}
