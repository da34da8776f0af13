import { availableParallelism, totalmem } from "node:os";
import { TensorError } from "../../errors.js";
import { maxThreads } from "./codes.js";

/** Threads by FAI_THREADS, else as asked for, else the processors this process may use. */
export function threadCount(asked: number | undefined): number {
  const fromEnvironment = process.env.FAI_THREADS;
  const count = fromEnvironment ? Number(fromEnvironment) : (asked ?? Math.min(availableParallelism(), maxThreads));
  if (Number.isInteger(count) && count >= 1 && count <= maxThreads) return count;
  throw new TensorError(
    "cpu",
    `${count} threads asked for, expected 1 to ${maxThreads}. Check FAI_THREADS and threads.`,
  );
}

/** The memory this process may use, in bytes: beyond it the system would end the process instead of giving an error. */
export function machineBytes(): number {
  const constrained = process.constrainedMemory() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
