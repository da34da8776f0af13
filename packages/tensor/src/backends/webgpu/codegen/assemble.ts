import type { Kernel } from "../kernel.js";
import { rare } from "../onDemand.js";

/** Binding numbers of every shader. */
export const bindings = { parameters: 0, guard: 1, memory: 2 };

const element = { words: "u32", vectors: "vec4u", atomics: "atomic<u32>" };

/** Words of a kernel's parameter block: the operands' bases, static words, scalars. */
export function parameterWords({ places, words, scalars }: Kernel): number {
  return places.length + (words?.length ?? 0) + (scalars?.length ?? 0);
}

/** The memory bindings that an operand lies in: `pages` from number `first` on, all but the last full. */
export interface Bound {
  readonly first: number;
  readonly pages: number;
}

/** The WGSL of a kernel whose operand i lies in `memories[i]`; several bindings of one operand hold `pageBytes` each. */
export function assemble(kernel: Kernel, memories: readonly Bound[], pageBytes: number): string {
  const { places, words, memory, guard, subgroups, code } = kernel;
  const count = Math.max(1, Math.ceil(parameterWords(kernel) / 4));
  const word = (k: number) => `parameters[${k >> 2}].${"xyzw"[k & 3]}`;
  const text = code.replace(/\$(s?)(\d+)/g, (_, scalar: string, k: string) =>
    word(places.length + (scalar ? (words?.length ?? 0) : 0) + Number(k)),
  );
  const heads = [
    ...(subgroups ? ["enable subgroups;"] : []),
    `@group(0) @binding(${bindings.parameters}) var<uniform> parameters: array<vec4i, ${count}>;`,
    ...[...new Set(memories.flatMap(numbersOf))].map(
      (m) => `@group(0) @binding(${bindings.memory + m}) var<storage, read_write> m${m}: array<${element[memory]}>;`,
    ),
  ];
  if (guard) heads.push(`@group(0) @binding(${bindings.guard}) var<storage, read_write> guard: array<atomic<u32>, 4>;`);
  const accessors = places.flatMap((place, i) => {
    const access = accessOf(memories[i]!, pageBytes, memory);
    const all = place.half
      ? rare().halfAccessorsOf(i, word(i), access, memory)
      : accessorsOf(i, word(i), access, memory);
    return Object.entries(all).flatMap(([name, body]) => (text.includes(`${name}${i}(`) ? [body] : []));
  });
  const shader = [...heads, ...accessors, text].join("\n");
  return shader.includes("halvesOf(") ? shader + rare().halvesOf : shader;
}

function numbersOf({ first, pages }: Bound): number[] {
  return Array.from({ length: pages }, (_, page) => first + page);
}

/** How an operand's memory is reached. */
export interface Access {
  /** A word of a binding, and its value. */
  word(m: string, index: string): string;
  load(m: string, index: string): string;
  /** Statements that access word `index`, in whichever binding it lies. */
  on(index: string, access: (m: string, index: string) => string): string;
}

function accessOf(bound: Bound, pageBytes: number, memory: Kernel["memory"]): Access {
  const word = (m: string, index: string) =>
    memory === "vectors" ? `${m}[(${index}) >> 2][(${index}) & 3]` : memory === "words" ? `${m}[${index}]` : "";
  return {
    word,
    load: (m, index) => (memory === "atomics" ? `atomicLoad(&${m}[${index}])` : word(m, index)),
    on: (index, access) => paged(bound, pageBytes / 4, index, access),
  };
}

/** The functions of operand i, by their names in a kernel's code. */
function accessorsOf(
  i: number,
  base: string,
  { word, load, on }: Access,
  memory: Kernel["memory"],
): Record<string, string> {
  const store = (m: string, index: string) =>
    memory === "atomics" ? `atomicStore(&${m}[${index}], v);` : `${word(m, index)} = v;`;
  const bytes = (m: string, index: string) =>
    `atomicAnd(&${m}[${index}], ~(255u << s)); atomicOr(&${m}[${index}], v << s);`;
  return {
    ld: `fn ld${i}(i: i32) -> u32 { ${on(`${base} + i`, (m, index) => `return ${load(m, index)};`)} }`,
    st: `fn st${i}(i: i32, v: u32) { ${on(`${base} + i`, store)} }`,
    ldv: `fn ldv${i}(i: i32) -> vec4u { ${on(`${base} + i`, (m, index) => `return ${m}[(${index}) >> 2];`)} }`,
    stv: `fn stv${i}(i: i32, v: vec4u) { ${on(`${base} + i`, (m, index) => `${m}[(${index}) >> 2] = v;`)} }`,
    lb: `fn lb${i}(i: i32) -> i32 {
  let a = ${base} * 4 + i;
  var word = 0u;
  ${on("a >> 2", (m, index) => `word = ${load(m, index)};`)}
  return i32((word >> (u32(a & 3) * 8u)) & 255u);
}`,
    sb: `fn sb${i}(i: i32, v: u32) {
  let a = ${base} * 4 + i;
  let s = u32(a & 3) * 8u;
  ${on("a >> 2", bytes)}
}`,
  };
}

/** Statements that access word `index` of an operand, in whichever of its bindings it lies. */
function paged(
  { first, pages }: Bound,
  pageWords: number,
  index: string,
  access: (m: string, index: string) => string,
): string {
  if (pages === 1) return access(`m${first}`, index);
  const cases = Array.from({ length: pages }, (_, page) => {
    const last = page === pages - 1;
    const inside = access(`m${first + page}`, page === 0 ? "w" : `w - ${page * pageWords}`);
    return last ? `default: { ${inside} }` : `case ${page}: { ${inside} }`;
  });
  return `let w = ${index}; switch (w / ${pageWords}) { ${cases.join(" ")} }`;
}
