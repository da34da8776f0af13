import { manualSeed } from "../../src/random.js";
import type { Tensor } from "../../src/tensor.js";
import { type FunctionName, functions } from "./functions.js";

/** The result of an earlier step. */
export interface Ref {
  readonly ref: number;
}

/** What a step is called with: results, numbers, options and lists of them. */
export type Argument =
  | Ref
  | number
  | boolean
  | string
  | null
  | undefined
  | readonly Argument[]
  | { readonly [key: string]: Argument };

/** A call. */
export interface Step {
  readonly call: FunctionName;
  readonly args: readonly Argument[];
}

/** Calls in order, and which results are wanted. */
export interface Program {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly roots: readonly number[];
}

type Result = Tensor | readonly Tensor[];

const isRef = (a: Argument): a is Ref => a !== null && typeof a === "object" && "ref" in a;

/** Calls `visit` for every result that an argument mentions. */
function eachRef(a: Argument, visit: (ref: number) => void): void {
  if (isRef(a)) visit(a.ref);
  else if (a !== null && typeof a === "object") for (const inner of Object.values(a)) eachRef(inner, visit);
}

function resolve(a: Argument, results: readonly Result[]): unknown {
  if (isRef(a)) return results[a.ref];
  if (Array.isArray(a)) return a.map((inner) => resolve(inner, results));
  if (a === null || typeof a !== "object") return a;
  return Object.fromEntries(Object.entries(a).map(([key, inner]) => [key, resolve(inner, results)]));
}

/** What a step gives when it is called with earlier results. */
export function call({ call, args }: Step, results: readonly Result[]): Result {
  const f = functions[call] as (...args: unknown[]) => Result;
  return f(...args.map((a) => resolve(a, results)));
}

/** Builds a program's graph anew: its roots. */
export function build({ seed, steps, roots }: Program): Tensor[] {
  manualSeed(seed);
  const results: Result[] = [];
  for (const step of steps) results.push(call(step, results));
  return roots.map((root) => results[root] as Tensor);
}

/** The program without the steps that no root needs. */
export function pruned(program: Program): Program {
  const needed = new Set<number>(program.roots);
  for (let i = program.steps.length - 1; i >= 0; i--) {
    if (needed.has(i)) for (const a of program.steps[i]!.args) eachRef(a, (ref) => needed.add(ref));
  }
  const renamed = new Map([...needed].sort((a, b) => a - b).map((old, i) => [old, i]));
  const rename = (a: Argument): Argument => {
    if (isRef(a)) return { ref: renamed.get(a.ref)! };
    if (Array.isArray(a)) return a.map(rename);
    if (a === null || typeof a !== "object") return a;
    return Object.fromEntries(Object.entries(a).map(([key, inner]) => [key, rename(inner)]));
  };
  return {
    seed: program.seed,
    steps: [...renamed.keys()].map((old) => ({
      call: program.steps[old]!.call,
      args: program.steps[old]!.args.map(rename),
    })),
    roots: program.roots.map((root) => renamed.get(root)!),
  };
}

/** The program as code, one step a line. */
export function print({ seed, steps, roots }: Program): string {
  const text = (a: Argument): string => {
    if (isRef(a)) return `v${a.ref}`;
    if (Array.isArray(a)) return `[${a.map(text).join(", ")}]`;
    if (a === null || typeof a !== "object") return typeof a === "string" ? JSON.stringify(a) : String(a);
    return `{ ${Object.entries(a)
      .map(([key, inner]) => `${key}: ${text(inner)}`)
      .join(", ")} }`;
  };
  const lines = steps.map((step, i) => `const v${i} = ${step.call}(${step.args.map(text).join(", ")});`);
  return [`manualSeed(${seed});`, ...lines, `// wanted: ${roots.map((root) => `v${root}`).join(", ")}`].join("\n");
}

/** The shortest program found that still fails: one root alone when one is enough, and only the steps it needs. */
export async function minimal(program: Program, fails: (program: Program) => Promise<boolean>): Promise<Program> {
  const lists = new Set(["gradients", "sorted"]);
  for (let i = 0; i < program.steps.length; i++) {
    if (lists.has(program.steps[i]!.call)) continue;
    const single = pruned({ ...program, roots: [i] });
    if (await fails(single)) return single;
  }
  let smallest = program;
  for (const root of program.roots) {
    const roots = smallest.roots.filter((r) => r !== root);
    if (roots.length > 0 && (await fails(pruned({ ...program, roots })))) smallest = { ...program, roots };
  }
  return pruned(smallest);
}
