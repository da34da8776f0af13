import type { InstructionOp } from "../backend.js";
import { type DType, isFloat } from "../dtype.js";
import { TensorError } from "../errors.js";
import { type Node, type Op, type OpParams, specOf, type Value } from "../node.js";
import { contiguousStrides } from "../shape.js";
import { isElementwise } from "./fuse.js";
import { type IndexMap, isView, pullBack, type Strided, viewed, viewStrides } from "./view.js";

/** Where a stored value's memory comes from. */
export type Place =
  | { kind: "scratch" }
  /** A realized value: device memory, or host data sent along. */
  | { kind: "leaf"; position: number; index: number; upload: boolean }
  /** What somebody asked for. */
  | { kind: "result"; root: number }
  /** The memory of a cell. */
  | { kind: "cell"; root: number };

/** A value in memory. Groups that make and read it are numbered in the order in which they run. */
export interface Stored {
  place: Place;
  readonly dtype: DType;
  readonly elements: number;
  /** The look at its memory that shows the whole value. */
  readonly home: Strided;
  /** The last group that writes it; -1 for leaves. */
  producer: number;
  /** The first group that writes it. */
  first: number;
  /** Its expression, when a map group makes it: users in the same group take the register. */
  expression: Expression | undefined;
  /** Groups other than its producer read it, or it outlives the plan. */
  read: boolean;
  /** Made by a group that commits cells. */
  commits: boolean;
}

/** A strided look at a stored value. */
export interface Window extends Strided {
  readonly stored: Stored;
}

/** What a map or reduce group computes at every point of its space; `type` is that of the register. */
export type Expression =
  | { kind: "load"; type: "f32" | "i32"; stored: Stored; strides: readonly number[]; offset: number }
  | { kind: "scalar"; type: "f32" | "i32"; scalar: number }
  | { kind: "iota"; type: "i32"; strides: readonly number[]; offset: number }
  | { kind: "op"; type: "f32" | "i32"; op: InstructionOp; inType: "f32" | "i32"; inputs: readonly Expression[] };

/** Which number of which node fills a scalar of the submission. */
export interface ScalarSource {
  readonly position: number;
  readonly field: "value" | "seedLow" | "seedHigh" | "step" | "stream" | "padValue";
  readonly type: "f32" | "i32";
}

const registerType = (dtype: DType): "f32" | "i32" => (isFloat(dtype) ? "f32" : "i32");

/** Operations that give one of their inputs, or what is as short: halves stay halves. */
const keepsHalves: ReadonlySet<Op> = new Set<Op>(["neg", "abs", "sign", "max", "where"]);

/** Builds expressions of one plan; equal expressions over one space are one object. */
export class Expressions {
  readonly scalars: ScalarSource[] = [];
  private readonly scalarIndex = new Map<string, number>();
  private readonly made = new Map<string, Expression>();
  private readonly position: ReadonlyMap<Node, number>;
  private readonly windowOf: (value: Value) => Window | undefined;

  constructor(position: ReadonlyMap<Node, number>, windowOf: (value: Value) => Window | undefined) {
    this.position = position;
    this.windowOf = windowOf;
  }

  /** The expression of `value` at the points of a space of `rank` dimensions named `space`, reached through `map`. */
  of(value: Value, map: IndexMap, space: string, rank: number): Expression {
    const window = this.windowOf(value);
    if (window) return this.load(window, map, space, rank);
    const { node } = value;
    const key = `${this.position.get(node)}.${value.index}|${space}|${map.key}`;
    const known = this.made.get(key);
    if (known) return known;
    const expression = this.make(value, map, space, rank);
    this.made.set(key, expression);
    return expression;
  }

  /** A load of stored memory at the points of a space. */
  load(window: Window, map: IndexMap, space: string, rank: number): Expression {
    const strides = new Array<number>(rank).fill(0);
    let offset = window.offset;
    window.strides.forEach((stride, k) => {
      offset += stride * map.offset[k]!;
      for (let j = 0; j < rank; j++) strides[j]! += stride * map.factors[k]![j]!;
    });
    const key = `${this.storedKey(window.stored)}|${space}|${strides}+${offset}`;
    let load = this.made.get(key);
    if (!load) {
      load = {
        kind: "load",
        type: registerType(window.stored.dtype),
        stored: window.stored,
        strides,
        offset,
      };
      this.made.set(key, load);
    }
    return load;
  }

  /** A number that travels with the submission. */
  scalar(position: number, field: ScalarSource["field"], type: "f32" | "i32"): Expression {
    const key = `${position}.${field}`;
    let index = this.scalarIndex.get(key);
    if (index === undefined) {
      index = this.scalars.push({ position, field, type }) - 1;
      this.scalarIndex.set(key, index);
    }
    const name = `scalar ${index}`;
    const known = this.made.get(name);
    if (known) return known;
    const expression: Expression = { kind: "scalar", type, scalar: index };
    this.made.set(name, expression);
    return expression;
  }

  private readonly storedKeys = new Map<Stored, number>();
  private storedKey(stored: Stored): string {
    let key = this.storedKeys.get(stored);
    if (key === undefined) this.storedKeys.set(stored, (key = this.storedKeys.size));
    return `m${key}`;
  }

  private make(value: Value, map: IndexMap, space: string, rank: number): Expression {
    const { node } = value;
    const position = this.position.get(node)!;
    if (isView(node)) {
      const inner = pullBack(map, node, rank);
      if (!inner) throw new TensorError("plan", `a merging reshape of an unstored value (node ${node.op}).`);
      return this.of(viewed(node), inner, space, rank);
    }
    const { shape, dtype } = specOf(value);
    switch (node.op) {
      case "constant":
        return this.scalar(position, "value", registerType(dtype));
      case "iota":
        return { kind: "iota", type: "i32", strides: [...map.factors[0]!], offset: map.offset[0]! };
      case "random":
        return this.random(node as Node<"random">, position, map, contiguousStrides(shape), rank);
      default:
    }
    if (!isElementwise(node))
      throw new TensorError("plan", `${node.op} is no elementwise operation and has no memory.`);
    const inputs = node.inputs.map((input) => this.of(input, map, space, rank));
    return this.operation(node, inputs, specOf(node.inputs[0]!).dtype, dtype);
  }

  private operation(node: Node, inputs: Expression[], from: DType, to: DType): Expression {
    if (node.op === "cast") return castRegister(inputs[0]!, from, to);
    const inType = node.op === "where" ? inputs[1]!.type : inputs[0]!.type;
    const result: Expression = { kind: "op", type: registerType(to), op: node.op as InstructionOp, inType, inputs };
    if (to !== "f16" || (keepsHalves.has(node.op) && node.inputs.every((v) => halfOrBool(specOf(v).dtype))))
      return result;
    return instruction("toHalf", result, "f32");
  }

  private random(
    node: Node<"random">,
    position: number,
    map: IndexMap,
    rowMajor: readonly number[],
    rank: number,
  ): Expression {
    const strides = new Array<number>(rank).fill(0);
    let offset = 0;
    rowMajor.forEach((stride, k) => {
      offset += stride * map.offset[k]!;
      for (let j = 0; j < rank; j++) strides[j]! += stride * map.factors[k]![j]!;
    });
    const fields = ["seedLow", "seedHigh", "step", "stream"] as const;
    const inputs: Expression[] = [
      { kind: "iota", type: "i32", strides, offset },
      ...fields.map((f) => this.scalar(position, f, "i32")),
    ];
    const bits: Expression = { kind: "op", type: "i32", op: "random", inType: "i32", inputs };
    const { kind } = node.params as OpParams["random"];
    return kind === "bits" ? bits : { kind: "op", type: "f32", op: "uniform", inType: "i32", inputs: [bits] };
  }
}

const halfOrBool = (dtype: DType) => dtype === "f16" || dtype === "bool";

/** One instruction on one input. */
export function instruction(op: InstructionOp, input: Expression, type: "f32" | "i32"): Expression {
  return { kind: "op", type, op, inType: input.type, inputs: [input] };
}

function castRegister(x: Expression, from: DType, to: DType): Expression {
  if (isFloat(to)) {
    const real = isFloat(from) ? x : instruction("toFloat", x, "f32");
    return to === "f16" && from !== "f16" ? instruction("toHalf", real, "f32") : real;
  }
  if (to === "bool") return instruction("toBool", x, "i32");
  const whole = isFloat(from) ? instruction("toInt", x, "i32") : x;
  return to === "u8" ? instruction("toByte", whole, "i32") : whole;
}

/** The window that `view` shows of its input's window; undefined when it needs a copy. */
export function viewWindow(view: Node, window: Window): Window | undefined {
  const strided = viewStrides(view, window);
  return strided && { ...strided, stored: window.stored };
}
