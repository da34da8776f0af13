import type { InstructionOp } from "../../src/backend.js";
import { floatToHalf, halfToFloat } from "../../src/half.js";
import { philox } from "../../src/random.js";
import { erf, truncate } from "../reference/array.js";

type Instruction = (type: "f32" | "i32", ...x: number[]) => number;

const real =
  (f: (x: number) => number): Instruction =>
  (_, x) =>
    Math.fround(f(x!));
const signed =
  (f: (x: number) => number): Instruction =>
  (type, x) =>
    type === "f32" ? Math.fround(f(x!)) : f(x!) | 0;
const binary =
  (f: (a: number, b: number) => number, whole = f): Instruction =>
  (type, a, b) =>
    type === "f32" ? Math.fround(f(a!, b!)) : whole(a!, b!) | 0;
const words = new Uint32Array(4);

/** What each instruction of map and reduce groups computes; f32 results are rounded. */
export const instructions: { [O in InstructionOp]: Instruction } = {
  neg: signed((x) => -x),
  abs: signed(Math.abs),
  sign: signed((x) => (x > 0 ? 1 : x < 0 ? -1 : 0)),
  recip: real((x) => 1 / x),
  exp: real(Math.exp),
  log: real(Math.log),
  sin: real(Math.sin),
  cos: real(Math.cos),
  sqrt: real(Math.sqrt),
  tanh: real(Math.tanh),
  sigmoid: real((x) => 1 / (1 + Math.exp(-x))),
  erf: real(erf),
  atan: real(Math.atan),
  floor: real(Math.floor),
  toFloat: real((x) => x),
  toInt: (_, x) => truncate(x!),
  toBool: (_, x) => (x !== 0 ? 1 : 0),
  toByte: (_, x) => x! & 255,
  toHalf: real((x) => halfToFloat(floatToHalf(x))),
  random: (_, index, low, high, step, stream) =>
    philox([index! >>> 2, stream!, step!, 0], [low!, high!], words)[index! & 3]! | 0,
  uniform: (_, bits) => (bits! >>> 8) * 2 ** -24,
  add: binary((a, b) => a + b),
  mul: binary((a, b) => a * b, Math.imul),
  div: binary((a, b) => a / b),
  max: binary(Math.max),
  lt: (_, a, b) => (a! < b! ? 1 : 0),
  eq: (_, a, b) => (a === b ? 1 : 0),
  where: (_, condition, a, b) => (condition !== 0 ? a! : b!),
};
