/**
 * Where an operand of a kernel lies: a slot of the plan, or the workspace behind the plan's scratch region, so many bytes in. Of a
 * slot it may be a window that starts at byte `start`; `bytes` is what the kernel touches (default: the whole slot). Of halves
 * (`half`), `ld` and `ldv` give the bits of floats, `stv` takes them and rounds, and so does `st` where memory is atomic.
 */
export type Place = ({ readonly slot: number } | { readonly workspace: number }) & {
  readonly start?: number;
  readonly bytes?: number;
  readonly half?: boolean;
};

/**
 * One dispatch. `code` is WGSL that knows its operands by number only: `ld2(i)` is word i of operand 2, `st2(i, word)`
 * stores one, `ldv2`/`stv2` move four (i a multiple of 4), `lb2(i)` is a byte and `sb2(i, byte)` stores one with atomics.
 * `$3` is the third static word, `$s0` the first scalar, both i32. The rest of the shader is written by `assemble`.
 */
export interface Kernel {
  readonly label: string;
  readonly places: readonly Place[];
  /** Static words and the submission's scalars that the code uses. */
  readonly words?: readonly number[];
  readonly scalars?: readonly number[];
  /** How memory is declared: single words, vectors of four, or atomic words (for stores of bytes at any place). */
  readonly memory: "words" | "vectors" | "atomics";
  /** `commit`: does nothing while the guard is set. `fault`: may set it. */
  readonly guard?: "commit" | "fault";
  /** True when the code uses subgroups. */
  readonly subgroups?: boolean;
  readonly code: string;
  readonly workgroup: readonly [number, number, number];
  /** Workgroups. */
  readonly grid: readonly [number, number, number];
}

/** The most workgroups a dimension of a grid may have (the floor of the specification). */
export const maxGrid = 65535;

/** A grid of at least `count` workgroups; `workgroupIndex` numbers them. */
export function linearGrid(count: number): [number, number, number] {
  if (count <= maxGrid) return [Math.max(count, 1), 1, 1];
  const rows = Math.ceil(count / maxGrid);
  return [Math.ceil(count / rows), rows, 1];
}

/** WGSL: the number of a workgroup (builtin `group`) of a linear grid. */
export function workgroupIndex(grid: readonly [number, number, number]): string {
  return grid[1] > 1 ? `(group.x + group.y * ${grid[0]}u)` : "group.x";
}

/** The header of an entry point with the builtins `group` (workgroup), `local` (invocation in it), `at` (global), and more. */
export function entry([x, y, z]: readonly [number, number, number], more = ""): string {
  return `@compute @workgroup_size(${x}, ${y}, ${z})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(global_invocation_id) at: vec3u${more}) {`;
}
