import type { ReduceGroup } from "../../../backend.js";

/** One reduction of a group. */
export type Reduction = ReduceGroup["reductions"][number];

/** A reduction's accumulator: variables, how they start, take a value, and merge with another. */
export interface Accumulator {
  readonly declare: string;
  /** Starts `name` (and `name_at`). */
  start(name: string): string[];
  take(name: string, value: string, position: string): string[];
  merge(name: string, other: string): string[];
}

/** How an operation is accumulated, in registers of a type. */
export function accumulator(op: Reduction["op"], type: "f32" | "i32"): Accumulator {
  const T = type === "f32" ? "F" : "I";
  const exceeds = (a: string, b: string) =>
    type === "f32" ? `((${a} > ${b}) | isNan(${a})) & !isNan(${b})` : `${a} > ${b}`;
  if (op === "sum") {
    return {
      declare: T,
      start: (n) => [`var ${n} = ${T}(0);`],
      take: (n, v) => [`${n} += ${v};`],
      merge: (n, o) => [`${n} += ${o};`],
    };
  }
  if (op === "max") {
    const larger = (a: string, b: string) => (type === "f32" ? `maxOf(${a}, ${b})` : `max(${a}, ${b})`);
    return {
      declare: T,
      start: (n) => [`var ${n} = ${type === "f32" ? "-infinity()" : "I(-2147483648)"};`],
      take: (n, v) => [`${n} = ${larger(n, v)};`],
      merge: (n, o) => [`${n} = ${larger(n, o)};`],
    };
  }
  return {
    declare: T,
    start: (n) => [`var ${n} = ${T}(0);`, `var ${n}_at = I(-1);`],
    take: (n, v, position) => [
      `let ${n}_wins = (${n}_at < I(0)) | (${exceeds(v, n)});`,
      `${n} = select(${n}, ${v}, ${n}_wins);`,
      `${n}_at = select(${n}_at, I(${position}), ${n}_wins);`,
    ],
    merge: (n, o) => [
      `let ${n}_first = (${o}_at >= I(0)) & ((${n}_at < I(0)) | (${exceeds(o, n)}) | (!(${exceeds(n, o)}) & (${o}_at < ${n}_at)));`,
      `${n} = select(${n}, ${o}, ${n}_first);`,
      `${n}_at = select(${n}_at, ${o}_at, ${n}_first);`,
    ],
  };
}
