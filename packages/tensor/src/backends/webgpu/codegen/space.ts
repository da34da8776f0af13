import { sizeOf } from "../../../shape.js";
import { linearGrid, maxGrid, workgroupIndex } from "../kernel.js";

/** Dims and strides over them, merged where every list of strides walks neighbours as one dim; dims of size 1 are gone. */
export function collapse(
  dims: readonly number[],
  lists: readonly (readonly number[])[],
): { dims: number[]; lists: number[][] } {
  const out: number[] = [];
  const strides: number[][] = lists.map(() => []);
  dims.forEach((size, d) => {
    if (size === 1) return;
    const last = out.length - 1;
    if (last >= 0 && lists.every((list, k) => strides[k]![last] === list[d]! * size)) {
      out[last]! *= size;
      lists.forEach((list, k) => {
        strides[k]![last] = list[d]!;
      });
      return;
    }
    out.push(size);
    lists.forEach((list, k) => {
      strides[k]!.push(list[d]!);
    });
  });
  return { dims: out, lists: strides };
}

/** offset + sum of coordinate times stride, as WGSL. */
export function address(strides: readonly number[], offset: number, coordinates: readonly string[]): string {
  const terms = strides.flatMap((s, d) => (s === 0 ? [] : [s === 1 ? coordinates[d]! : `${coordinates[d]} * ${s}`]));
  if (offset !== 0 || terms.length === 0) terms.push(String(offset));
  return terms.join(" + ");
}

/** Lines that split `index` (an i32 name) into coordinates `names` of `dims`, outermost first. */
export function split(index: string, dims: readonly number[], names: readonly string[]): string[] {
  const lines: string[] = [];
  let rest = index;
  for (let d = dims.length - 1; d > 0; d--) {
    lines.push(`let ${names[d]} = i32(u32(${rest}) % ${dims[d]}u);`);
    const next = `${names[d]}_rest`;
    lines.push(`let ${next} = i32(u32(${rest}) / ${dims[d]}u);`);
    rest = next;
  }
  if (dims.length > 0) lines.push(`let ${names[0]} = ${rest};`);
  return lines;
}

/** How invocations cover a space. */
export interface Walk {
  readonly workgroup: readonly [number, number, number];
  readonly grid: readonly [number, number, number];
  /** Defines the coordinates, and returns outside of the space. */
  readonly lines: readonly string[];
}

/**
 * One invocation for each point of `dims` (the innermost in steps of `width`); coordinates get `names`. Where the inner
 * dims are wide enough they are dimensions of the grid, which saves divisions. `parts` more layers run over each point;
 * their number is `part`.
 */
export function walk(dims: readonly number[], width: number, names: readonly string[], parts = 1): Walk {
  const units = [...dims];
  if (units.length > 0) units[units.length - 1] = Math.ceil(units.at(-1)! / width);
  const last = names.length - 1;
  const scaled = (line: string) =>
    width > 1 && dims.length > 0 ? [line, `let ${names[last]} = unit * ${width};`] : [line];
  const inner = units.at(-1) ?? 1;
  const next = units.at(-2) ?? 1;
  const x = inner >= 64 ? 64 : 2 ** Math.ceil(Math.log2(Math.max(inner, 1)));
  const y = 64 / x;
  const outer = sizeOf(units.slice(0, -2));
  const grid = [Math.ceil(inner / x), Math.ceil(next / y), outer * parts] as const;
  const wasted = (grid[0] * x * grid[1] * y) / (inner * next);
  const lastName = width > 1 ? "unit" : names[last];
  if (units.length >= 2 && wasted < 1.3 && Math.max(...grid) <= maxGrid) {
    const lines = [`if (at.x >= ${inner}u || at.y >= ${next}u) { return; }`];
    if (parts > 1) lines.push(`let part = i32(at.z / ${outer}u);`, `let plane = i32(at.z % ${outer}u);`);
    else if (units.length > 2) lines.push("let plane = i32(at.z);");
    lines.push(...scaled(`let ${lastName} = i32(at.x);`), `let ${names[last - 1]} = i32(at.y);`);
    lines.push(...split("plane", units.slice(0, -2), names));
    return { workgroup: [x, y, 1], grid: [grid[0], grid[1], grid[2]], lines };
  }
  const total = sizeOf(units);
  const flat = linearGrid(Math.ceil((total * parts) / 64));
  const lines = [
    `let point = i32(${workgroupIndex(flat)} * 64u + local.x);`,
    `if (point >= ${total * parts}) { return; }`,
  ];
  let index = "point";
  if (parts > 1) {
    lines.push(`let part = i32(u32(point) / ${total}u);`, `let inPart = i32(u32(point) % ${total}u);`);
    index = "inPart";
  }
  if (units.length === 0) return { workgroup: [64, 1, 1], grid: flat, lines };
  const unitNames = names.map((name, d) => (d === last ? lastName! : name));
  lines.push(...split(index, units, unitNames));
  if (width > 1) lines.push(`let ${names[last]} = unit * ${width};`);
  return { workgroup: [64, 1, 1], grid: flat, lines };
}
