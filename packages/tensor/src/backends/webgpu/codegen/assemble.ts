import type { Kernel } from "../kernel.js";

/** Binding numbers of every shader. */
export const bindings = { parameters: 0, guard: 1, memory: 2 };

const element = { words: "u32", vectors: "vec4u", atomics: "atomic<u32>" };

/** Words of a kernel's parameter block: the operands' bases, static words, scalars. */
export function parameterWords({ places, words, scalars }: Kernel): number {
  return places.length + (words?.length ?? 0) + (scalars?.length ?? 0);
}

/** The WGSL of a kernel whose operand i lies in memory binding `memories[i]`. */
export function assemble(kernel: Kernel, memories: readonly number[]): string {
  const { places, words, memory, guard, code } = kernel;
  const count = Math.max(1, Math.ceil(parameterWords(kernel) / 4));
  const word = (k: number) => `parameters[${k >> 2}].${"xyzw"[k & 3]}`;
  const text = code.replace(/\$(s?)(\d+)/g, (_, scalar: string, k: string) =>
    word(places.length + (scalar ? (words?.length ?? 0) : 0) + Number(k)),
  );
  const heads = [
    `@group(0) @binding(${bindings.parameters}) var<uniform> parameters: array<vec4i, ${count}>;`,
    ...[...new Set(memories)].map(
      (m) => `@group(0) @binding(${bindings.memory + m}) var<storage, read_write> m${m}: array<${element[memory]}>;`,
    ),
  ];
  if (guard) heads.push(`@group(0) @binding(${bindings.guard}) var<storage, read_write> guard: array<atomic<u32>, 4>;`);
  const accessors = places.flatMap((place, i) =>
    (place.half ? halfAccessorsOf : accessorsOf)(i, `m${memories[i]}`, word(i), memory, text),
  );
  const shader = [...heads, ...accessors, text].join("\n");
  return shader.includes("halvesOf(") ? shader + halvesOf : shader;
}

/** From the bits of floats to halves, ties to even: pack2x16float may round as it likes. */
const halvesOf = `
fn halvesOf(bits: vec4u) -> vec4u {
  let size = bits & vec4u(0x7fffffffu);
  let normal = (size + vec4u(0xfffu) + ((size >> vec4u(13u)) & vec4u(1u)) - vec4u(0x38000000u)) >> vec4u(13u);
  let small = vec4u(round(bitcast<vec4f>(size) * 16777216.0));
  let half = min(select(normal, small, size < vec4u(0x38800000u)), vec4u(0x7c00u));
  return select(half, vec4u(0x7e00u), size > vec4u(0x7f800000u)) | ((bits >> vec4u(16u)) & vec4u(0x8000u));
}`;

/** The functions of operand i that `text` calls. */
function accessorsOf(i: number, m: string, base: string, memory: Kernel["memory"], text: string): string[] {
  const at = `${base} + i`;
  const { word, load } = wordsOf(m, memory);
  const store = memory === "atomics" ? `atomicStore(&${m}[${at}], v);` : `${word(at)} = v;`;
  const all: Record<string, string> = {
    ld: `fn ld${i}(i: i32) -> u32 { return ${load(at)}; }`,
    st: `fn st${i}(i: i32, v: u32) { ${store} }`,
    ldv: `fn ldv${i}(i: i32) -> vec4u { return ${m}[(${at}) >> 2]; }`,
    stv: `fn stv${i}(i: i32, v: vec4u) { ${m}[(${at}) >> 2] = v; }`,
    lb: `fn lb${i}(i: i32) -> i32 { let a = ${base} * 4 + i; return i32((${load("a >> 2")} >> (u32(a & 3) * 8u)) & 255u); }`,
    sb: `fn sb${i}(i: i32, v: u32) {
  let a = ${base} * 4 + i;
  let s = u32(a & 3) * 8u;
  atomicAnd(&${m}[a >> 2], ~(255u << s));
  atomicOr(&${m}[a >> 2], v << s);
}`,
  };
  return used(all, i, text);
}

/** The same for an operand of halves, two in a word. */
function halfAccessorsOf(i: number, m: string, base: string, memory: Kernel["memory"], text: string): string[] {
  const { word, load } = wordsOf(m, memory);
  const at = `let a = ${base} + (i >> 1);`;
  return used(
    {
      ld: `fn ld${i}(i: i32) -> u32 { ${at} return bitcast<u32>(unpack2x16float(${load("a")})[i & 1]); }`,
      ldv: `fn ldv${i}(i: i32) -> vec4u {
  ${at}
  return bitcast<vec4u>(vec4f(unpack2x16float(${load("a")}), unpack2x16float(${load("a + 1")})));
}`,
      stv: `fn stv${i}(i: i32, v: vec4u) {
  ${at}
  let h = halvesOf(v);
  ${word("a")} = h.x | (h.y << 16u);
  ${word("a + 1")} = h.z | (h.w << 16u);
}`,
      st: `fn st${i}(i: i32, v: u32) {
  ${at}
  let s = u32(i & 1) * 16u;
  atomicAnd(&${m}[a], ~(0xffffu << s));
  atomicOr(&${m}[a], halvesOf(vec4u(v)).x << s);
}`,
    },
    i,
    text,
  );
}

function wordsOf(m: string, memory: Kernel["memory"]) {
  const word = (index: string) =>
    memory === "words" ? `${m}[${index}]` : memory === "vectors" ? `${m}[(${index}) >> 2][(${index}) & 3]` : "";
  const load = (index: string) => (memory === "atomics" ? `atomicLoad(&${m}[${index}])` : word(index));
  return { word, load };
}

function used(all: Readonly<Record<string, string>>, i: number, text: string): string[] {
  return Object.entries(all).flatMap(([name, body]) => (text.includes(`${name}${i}(`) ? [body] : []));
}
