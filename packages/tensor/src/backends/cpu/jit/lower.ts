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
  or = (a: number, b: number) => this.op("orps", [a, b]);
  compare = (how: keyof typeof comparisons, a: number, b: number) => this.op("cmpps", [a, b], comparisons[how]);
  /** mask ? yes : no, where a mask has all bits of a lane set or none. */
  select = (mask: number, yes: number, no: number) => this.op("blendvps", [no, yes, mask]);
  magnitude = (x: number) => this.and(x, this.bits(0x7fffffff));
  /** The polynomial with these coefficients, the highest power first, by Horner's rule. */
  polynomial = (x: number, [first, ...rest]: readonly number[]) =>
    rest.reduce((p, c) => this.add(this.mul(p, x), this.float(c)), this.float(first!));
}

const scratch = new DataView(new ArrayBuffer(4));

const one = (b: MicroBuilder) => b.bits(1);

/** exp as kernels/math.h has it, operation by operation: the same bits. */
function exp(b: MicroBuilder, given: number): number {
  let x = b.op("minps", [b.float(89), given]);
  x = b.op("maxps", [b.float(-104), x]);
  const magic = b.float(12582912);
  const shifted = b.add(b.mul(x, b.float(Math.LOG2E)), magic);
  const n = b.sub(shifted, magic);
  const r = b.sub(b.sub(x, b.mul(n, b.float(0.693359375))), b.mul(n, b.float(-2.1219444e-4)));
  let p = b.polynomial(
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  );
  p = b.add(b.add(b.mul(p, b.mul(r, r)), r), b.float(1));
  const k = b.op("psubd", [shifted, b.bits(0x4b400000)]);
  const half = b.op("psrad", [k], 1);
  const power = (m: number) => b.op("pslld", [b.op("paddd", [m, b.bits(127)])], 23);
  return b.mul(b.mul(p, power(half)), power(b.op("psubd", [k, half])));
}

/** log as kernels/math.h has it. */
function log(b: MicroBuilder, x: number): number {
  const tiny = b.compare("less", x, b.float(1.17549435e-38));
  const scaled = b.select(tiny, b.mul(x, b.float(8388608)), x);
  const bits = b.op("paddd", [scaled, b.bits(0x3f800000 - 0x3f3504f3)]);
  const whole = b.op("cvtdq2ps", [b.op("psubd", [b.op("psrld", [bits], 23), b.bits(127)])]);
  const e = b.sub(whole, b.and(tiny, b.float(23)));
  const mantissa = b.op("paddd", [b.and(bits, b.bits(0x007fffff)), b.bits(0x3f3504f3)]);
  const f = b.sub(mantissa, b.float(1));
  const s = b.div(f, b.add(b.float(2), f));
  const z = b.mul(s, s);
  const w = b.mul(z, z);
  const r = b.add(
    b.mul(z, b.add(b.float(0.66666662693), b.mul(w, b.float(0.28498786688)))),
    b.mul(w, b.add(b.float(0.40000972152), b.mul(w, b.float(0.24279078841)))),
  );
  const h = b.mul(b.mul(b.float(0.5), f), f);
  const inner = b.sub(b.add(b.mul(s, b.add(h, r)), b.mul(e, b.float(9.0580006145e-6))), h);
  let y = b.add(b.add(inner, f), b.mul(e, b.float(0.69313812256)));
  const nothing = b.bits(0);
  y = b.select(b.compare("equal", x, nothing), b.float(-Infinity), y);
  y = b.select(b.compare("less", x, nothing), b.bits(0x7fc00000), y);
  return b.select(b.compare("less", x, b.float(Infinity)), y, x);
}

const sigmoid: Lower = (b, [x]) => {
  const unit = b.float(1);
  return b.div(unit, b.add(unit, exp(b, b.op("xorps", [x!, b.bits(0x80000000)]))));
};

/** tanh as kernels/math.h has it. */
const tanh: Lower = (b, [given]) => {
  const x = given!;
  const z = b.mul(x, x);
  const p = b.polynomial(
    z,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  );
  const small = b.add(b.mul(b.mul(p, z), x), x);
  const a = b.magnitude(x);
  const unit = b.float(1);
  const size = b.sub(unit, b.div(b.float(2), b.add(exp(b, b.add(a, a)), unit)));
  const large = b.or(b.magnitude(size), b.and(x, b.bits(0x80000000)));
  const y = b.select(b.compare("less", a, b.float(0.625)), small, large);
  // 0 where x is a number, else x.
  return b.add(y, b.and(b.compare("unordered", x, x), x));
};

/** How each instruction on f32 is computed; those left out run in the kernels' own loops. */
const float: { readonly [O in Instruction["op"]]?: Lower } = {
  neg: (b, [x]) => b.op("xorps", [x!, b.bits(0x80000000)]),
  recip: (b, [x]) => b.div(b.float(1), x!),
  exp: (b, [x]) => exp(b, x!),
  log: (b, [x]) => log(b, x!),
  sqrt: (b, [x]) => b.op("sqrtps", [x!]),
  tanh,
  sigmoid,
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
