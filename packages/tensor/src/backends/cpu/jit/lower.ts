import type { Instruction } from "../../../backend.js";
import { type Action, comparisons, type Micro, type MicroOp, type MicroProgram } from "./microOps.js";

type Lower = (b: MicroBuilder, inputs: readonly number[]) => number;

/** Builds a micro program; equal constants and loads are one value. */
export class MicroBuilder {
  readonly values: Micro[] = [];
  readonly actions: Action[] = [];
  private readonly known = new Map<string, number>();

  element(array: number): number {
    return this.once(`e${array}`, { kind: "element", array });
  }
  /** The bits of a float, eight times. */
  float(value: number): number {
    scratch.setFloat32(0, value);
    return this.bits(scratch.getInt32(0));
  }
  bits(bits: number): number {
    return this.once(`c${bits | 0}`, { kind: "constant", bits: bits | 0 });
  }
  op(op: MicroOp, inputs: readonly number[], immediate?: number): number {
    const value = this.values.push({ kind: "op", op, inputs, ...(immediate !== undefined && { immediate }) }) - 1;
    this.actions.push({ kind: "compute", value });
    return value;
  }
  write(value: number, array: number): void {
    this.actions.push({ kind: "write", value, array });
  }
  program(): MicroProgram {
    return { values: this.values, actions: this.actions };
  }

  private once(key: string, value: Micro): number {
    let at = this.known.get(key);
    if (at === undefined) this.known.set(key, (at = this.values.push(value) - 1));
    return at;
  }

  // What the formulas below are written in.
  add = (a: number, b: number) => this.op("addps", [a, b]);
  sub = (a: number, b: number) => this.op("subps", [a, b]);
  mul = (a: number, b: number) => this.op("mulps", [a, b]);
  div = (a: number, b: number) => this.op("divps", [a, b]);
  and = (a: number, b: number) => this.op("andps", [a, b]);
  compare = (how: keyof typeof comparisons, a: number, b: number) => this.op("cmpps", [a, b], comparisons[how]);
  /** mask ? yes : no, where a mask has all bits of a lane set or none. */
  select = (mask: number, yes: number, no: number) => this.op("blendvps", [no, yes, mask]);
  magnitude = (x: number) => this.and(x, this.bits(0x7fffffff));
}

const scratch = new DataView(new ArrayBuffer(4));

const one = (b: MicroBuilder) => b.bits(1);

/**
 * How each instruction on f32 is computed. Those left out run in the kernels' own loops: exp and its kin are long chains of operations
 * that wait for each other, which 512-bit vectors hide better than these of 256 bits.
 */
const float: { readonly [O in Instruction["op"]]?: Lower } = {
  neg: (b, [x]) => b.op("xorps", [x!, b.bits(0x80000000)]),
  recip: (b, [x]) => b.div(b.float(1), x!),
  sqrt: (b, [x]) => b.op("sqrtps", [x!]),
  floor: (b, [x]) => b.op("roundps", [x!], 9),
  abs: (b, [x]) => b.magnitude(x!),
  sign: (b, [x]) => {
    const above = b.and(b.compare("less", b.bits(0), x!), b.float(1));
    return b.sub(above, b.and(b.compare("less", x!, b.bits(0)), b.float(1)));
  },
  toInt: (b, [x]) => {
    const low = b.op("maxps", [x!, b.float(-2147483648)]);
    const inside = b.op("cvttps2dq", [b.op("minps", [low, b.float(2147483520)])]);
    const value = b.select(b.compare("lessEqual", b.float(2147483648), x!), b.bits(0x7fffffff), inside);
    return b.op("andnps", [b.compare("unordered", x!, x!), value]);
  },
  toBool: (b, [x]) => b.and(b.compare("notEqual", x!, b.bits(0)), one(b)),
  // As kernels/half.h.
  toHalf: (b, [x]) => {
    const size = b.magnitude(x!);
    const even = b.and(b.op("psrld", [size], 13), one(b));
    const up = b.op("paddd", [b.op("paddd", [size, b.bits(0xfff)]), even]);
    const normal = b.and(up, b.bits(0xffffe000));
    const small = b.sub(b.add(size, b.float(0.5)), b.float(0.5));
    const above = (limit: number) => b.op("pcmpgtd", [size, b.bits(limit)]);
    const finite = b.select(above(0x387fffff), normal, small);
    const held = b.select(above(0x477fefff), b.bits(0x7f800000), finite);
    const result = b.select(above(0x7f800000), b.bits(0x7fc00000), held);
    return b.op("xorps", [result, b.and(x!, b.bits(0x80000000))]);
  },
  add: (b, [x, y]) => b.add(x!, y!),
  mul: (b, [x, y]) => b.mul(x!, y!),
  div: (b, [x, y]) => b.div(x!, y!),
  max: (b, [x, y]) => b.select(b.compare("unordered", x!, x!), x!, b.op("maxps", [x!, y!])),
  lt: (b, [x, y]) => b.and(b.compare("less", x!, y!), one(b)),
  eq: (b, [x, y]) => b.and(b.compare("equal", x!, y!), one(b)),
};

/** The same on i32. */
const whole: { readonly [O in Instruction["op"]]?: Lower } = {
  neg: (b, [x]) => b.op("psubd", [b.bits(0), x!]),
  abs: (b, [x]) => b.op("pabsd", [x!]),
  sign: (b, [x]) => b.op("psubd", [b.op("pcmpgtd", [b.bits(0), x!]), b.op("pcmpgtd", [x!, b.bits(0)])]),
  toFloat: (b, [x]) => b.op("cvtdq2ps", [x!]),
  toBool: (b, [x]) => b.op("andnps", [b.op("pcmpeqd", [x!, b.bits(0)]), one(b)]),
  toByte: (b, [x]) => b.and(x!, b.bits(255)),
  uniform: (b, [x]) => b.mul(b.op("cvtdq2ps", [b.op("psrld", [x!], 8)]), b.float(2 ** -24)),
  add: (b, [x, y]) => b.op("paddd", [x!, y!]),
  mul: (b, [x, y]) => b.op("pmulld", [x!, y!]),
  max: (b, [x, y]) => b.op("pmaxsd", [x!, y!]),
  lt: (b, [x, y]) => b.and(b.op("pcmpgtd", [y!, x!]), one(b)),
  eq: (b, [x, y]) => b.and(b.op("pcmpeqd", [x!, y!]), one(b)),
};

const where: Lower = (b, [c, yes, no]) => b.select(b.op("pcmpeqd", [c!, b.bits(0)]), no!, yes!);

/** How an instruction is computed in vectors, or undefined when only the kernels' loops know it. */
export function lowering({ op, type }: Instruction): Lower | undefined {
  if (op === "where") return where;
  return type === "f32" ? float[op] : whole[op];
}
