import type { Instruction, InstructionOp, Load } from "../../../backend.js";
import { isFloat } from "../../../dtype.js";

type Rule = (type: "f32" | "i32", x: readonly string[]) => string;

const call =
  (name: string): Rule =>
  (_, x) =>
    `${name}(${x.join(", ")})`;
const either =
  (float: Rule, whole: Rule): Rule =>
  (type, x) =>
    (type === "f32" ? float : whole)(type, x);
const whole =
  (f: (...x: string[]) => string): Rule =>
  (_, x) =>
    f(...x);

/** WGSL of each instruction; F, I, U stand for the element types of the kernel (see functions.ts). */
const rules: { [O in InstructionOp]: Rule } = {
  neg: (_, [x]) => `-${x}`,
  recip: (_, [x]) => `quotient(F(1.0), ${x})`,
  exp: call("expOf"),
  log: call("logOf"),
  sin: call("sinOf"),
  cos: call("cosOf"),
  sqrt: call("sqrt"),
  tanh: call("tanhOf"),
  sigmoid: call("sigmoidOf"),
  erf: call("erfOf"),
  atan: call("atanOf"),
  floor: call("floor"),
  abs: call("abs"),
  sign: either(call("signOf"), call("sign")),
  toFloat: call("F"),
  toInt: call("toInt"),
  toBool: either(
    whole((x) => `select(I(0), I(1), (bitcast<U>(${x}) & U(0x7fffffffu)) != U(0u))`),
    whole((x) => `select(I(0), I(1), ${x} != I(0))`),
  ),
  toByte: (_, [x]) => `${x} & I(255)`,
  toHalf: call("toHalf"),
  random: call("philox"),
  uniform: (_, [x]) => `F(bitcast<U>(${x}) >> U(8u)) * 5.9604644775390625e-8`,
  add: (_, [a, b]) => `${a} + ${b}`,
  mul: (_, [a, b]) => `${a} * ${b}`,
  div: call("quotient"),
  max: either(call("maxOf"), call("max")),
  lt: either(
    call("lessThan"),
    whole((a, b) => `select(I(0), I(1), ${a} < ${b})`),
  ),
  eq: either(
    call("equals"),
    whole((a, b) => `select(I(0), I(1), ${a} == ${b})`),
  ),
  where: (_, [c, a, b]) => `select(${b}, ${a}, ${c} != I(0))`,
};

/** The types of all registers: loads, then instructions. */
export function registerTypes(loads: readonly Load[], instructions: readonly Instruction[]): ("f32" | "i32")[] {
  const types = loads.map((load): "f32" | "i32" => (load.kind !== "iota" && isFloat(load.dtype) ? "f32" : "i32"));
  for (const { op, type } of instructions) {
    if (op === "toFloat" || op === "uniform") types.push("f32");
    else if (op === "toInt" || op === "lt" || op === "eq" || op === "toBool" || op === "toByte") types.push("i32");
    else types.push(op === "random" ? "i32" : type);
  }
  return types;
}

/** `let r5 = ...;` for every instruction. */
export function instructionLines(loads: readonly Load[], instructions: readonly Instruction[]): string[] {
  return instructions.map(({ op, type, inputs }, k) => {
    const text = rules[op](
      type,
      inputs.map((r) => `r${r}`),
    );
    return `let r${loads.length + k} = ${text};`;
  });
}

/** Writes element types for one element or four in place of F, I, U, B. */
export function typed(text: string, width: 1 | 4): string {
  const types = width === 1 ? ["f32", "i32", "u32", "bool"] : ["vec4f", "vec4i", "vec4u", "vec4<bool>"];
  return text.replace(/\b([FIUB])\b/g, (letter) => types["FIUB".indexOf(letter)]!);
}
