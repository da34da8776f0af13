import { TensorError } from "./errors.js";
import { describe } from "./plan/explain.js";
import { backend } from "./realize.js";

/** One kernel of what was profiled. */
export interface KernelTime {
  /** What it computes, over what, from and to which slots, as `explainPlan` says it. */
  readonly kernel: string;
  /** How often it ran. */
  readonly calls: number;
  /** Milliseconds, all calls together. */
  readonly milliseconds: number;
}

/** Kernels by time, the slowest first. */
export interface KernelProfile {
  readonly kernels: readonly KernelTime[];
  /** Milliseconds of all kernels together. */
  readonly milliseconds: number;
  /** The slowest kernels as a table. */
  report(rows?: number): string;
}

/**
 * Runs `work` with every kernel timed on its own: which kernels a training step spends its time in. The results are the same;
 * the whole takes a little longer than without. Throws on a backend that cannot tell kernels apart.
 */
export async function profile(work: () => Promise<unknown>): Promise<KernelProfile> {
  const device = backend();
  if (!device.time) throw new TensorError("profile", `the ${device.name} backend cannot time its kernels.`);
  const found = new Map<string, { calls: number; milliseconds: number }>();
  device.time((plan, group, milliseconds) => {
    const kernel = describe(plan.groups[group]!, plan);
    const row = found.get(kernel) ?? { calls: 0, milliseconds: 0 };
    found.set(kernel, { calls: row.calls + 1, milliseconds: row.milliseconds + milliseconds });
  });
  try {
    await work();
  } finally {
    device.time(undefined);
  }
  const kernels = [...found]
    .map(([kernel, row]): KernelTime => ({ kernel, ...row }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
  const milliseconds = kernels.reduce((sum, row) => sum + row.milliseconds, 0);
  return { kernels, milliseconds, report: (rows = 20) => table(kernels.slice(0, rows), milliseconds) };
}

function table(kernels: readonly KernelTime[], all: number): string {
  const share = (ms: number) => `${((100 * ms) / (all || 1)).toFixed(1).padStart(5)} %`;
  const lines = kernels.map(
    ({ kernel, calls, milliseconds }) =>
      `${milliseconds.toFixed(3).padStart(10)} ms ${share(milliseconds)} ${String(calls).padStart(5)} x  ${kernel}`,
  );
  return [...lines, `${all.toFixed(3).padStart(10)} ms in all kernels`].join("\n");
}
