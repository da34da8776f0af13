import type { ContractGroup, ContractOp, Operand } from "../../backend.js";
import { contiguousStrides, sizeOf } from "../../shape.js";
import type { Access } from "./codegen/assemble.js";
import type { Kernel } from "./kernel.js";
import type { Context, ContractRule } from "./kernels/context.js";
import { sumParts } from "./kernels/sumParts.js";

/** From the bits of floats to halves, ties to even: pack2x16float may round as it likes. */
export const halvesOf = `
fn halvesOf(bits: vec4u) -> vec4u {
  let size = bits & vec4u(0x7fffffffu);
  let normal = (size + vec4u(0xfffu) + ((size >> vec4u(13u)) & vec4u(1u)) - vec4u(0x38000000u)) >> vec4u(13u);
  let small = vec4u(round(bitcast<vec4f>(size) * 16777216.0));
  let half = min(select(normal, small, size < vec4u(0x38800000u)), vec4u(0x7c00u));
  return select(half, vec4u(0x7e00u), size > vec4u(0x7f800000u)) | ((bits >> vec4u(16u)) & vec4u(0x8000u));
}`;

/** The functions of operand i of halves, two in a word, by their names in a kernel's code. */
export function halfAccessorsOf(
  i: number,
  base: string,
  { word, load, on }: Access,
  memory: Kernel["memory"],
): Record<string, string> {
  const at = `${base} + (i >> 1)`;
  const two = (m: string, index: string) =>
    `let x = ${load(m, index)}; let y = ${load(m, `${index} + 1`)};
  return bitcast<vec4u>(vec4f(unpack2x16float(x), unpack2x16float(y)));`;
  const packed = (m: string, index: string) =>
    memory === "atomics"
      ? ""
      : `${word(m, index)} = h.x | (h.y << 16u); ${word(m, `${index} + 1`)} = h.z | (h.w << 16u);`;
  const single = (m: string, index: string) =>
    `atomicAnd(&${m}[${index}], ~(0xffffu << s)); atomicOr(&${m}[${index}], halvesOf(vec4u(v)).x << s);`;
  return {
    ld: `fn ld${i}(i: i32) -> u32 { ${on(at, (m, index) => `return bitcast<u32>(unpack2x16float(${load(m, index)})[i & 1]);`)} }`,
    ldv: `fn ldv${i}(i: i32) -> vec4u { ${on(at, two)} }`,
    stv: `fn stv${i}(i: i32, v: vec4u) {
  let h = halvesOf(v);
  ${on(at, packed)}
}`,
    st: `fn st${i}(i: i32, v: u32) {
  let s = u32(i & 1) * 16u;
  ${on(at, single)}
}`,
  };
}

/**
 * The kernels of a contraction of halves. Those that would store halves one by one, which takes atomics, store floats that are rounded
 * afterwards.
 */
export function halfContract(
  group: ContractGroup,
  number: number,
  context: Context,
  rule: ContractRule<ContractOp>,
): Kernel[] {
  const halves = new Set([...group.inputs, ...group.outputs].flatMap((it) => (it.dtype === "f16" ? [it.slot] : [])));
  const made = withHalves(rule(group, context, number), halves);
  if (!made.some(storesSingleHalves)) return made;
  const output = group.outputs[0]!;
  const order = orderOf(output.shape, output.strides);
  const inOrder = (list: readonly number[]) => order.map((d) => list[d]!);
  const dense = contiguousStrides(inOrder(output.shape));
  const workspace = context.workspace(sizeOf(output.shape));
  const floats: Operand = {
    ...output,
    slot: -1,
    dtype: "f32",
    strides: output.strides.map((_, d) => dense[order.indexOf(d)]!),
    offset: 0,
  };
  const kernels = withHalves(rule({ ...group, outputs: [floats] }, context, number), halves).map((kernel) => ({
    ...kernel,
    places: kernel.places.map((place) => ("slot" in place && place.slot === -1 ? { workspace } : place)),
  }));
  const target = { ...output, shape: inOrder(output.shape), strides: inOrder(output.strides) };
  const rounding = sumParts({ workspace, parts: 1, shape: target.shape, output: target, label: group.label });
  return [...kernels, ...withHalves([rounding], halves)];
}

function withHalves(kernels: readonly Kernel[], halves: ReadonlySet<number>): Kernel[] {
  return kernels.map((kernel) => ({
    ...kernel,
    places: kernel.places.map((place) =>
      "slot" in place && halves.has(place.slot) ? { ...place, half: true } : place,
    ),
  }));
}

function storesSingleHalves({ places, memory, code }: Kernel): boolean {
  return memory !== "atomics" && places.some(({ half }, i) => half && code.includes(`st${i}(`));
}

/** Dims from the outermost in memory to the innermost. */
function orderOf(shape: readonly number[], strides: readonly number[]): number[] {
  return shape.map((_, d) => d).sort((a, b) => strides[b]! - strides[a]! || a - b);
}
