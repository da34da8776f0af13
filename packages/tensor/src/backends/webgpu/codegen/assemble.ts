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
  const accessors = places.flatMap((_, i) => accessorsOf(i, `m${memories[i]}`, word(i), memory, text));
  return [...heads, ...accessors, text].join("\n");
}

/** The functions of operand i that `text` calls. */
function accessorsOf(i: number, m: string, base: string, memory: Kernel["memory"], text: string): string[] {
  const at = `${base} + i`;
  const word = (index: string) =>
    memory === "words" ? `${m}[${index}]` : memory === "vectors" ? `${m}[(${index}) >> 2][(${index}) & 3]` : "";
  const load = (index: string) => (memory === "atomics" ? `atomicLoad(&${m}[${index}])` : word(index));
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
  return Object.entries(all).flatMap(([name, body]) => (text.includes(`${name}${i}(`) ? [body] : []));
}
