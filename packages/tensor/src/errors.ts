/** An error of the tensor core: names the op, shows the values, says what to do. `op` is the op or option that failed. */
export class TensorError extends Error {
  readonly op: string;
  constructor(op: string, message: string, options?: { cause?: unknown }) {
    super(`[${op}] ${message}`, options);
    this.name = "TensorError";
    this.op = op;
  }
}

/** Throws an internal error when `condition` is false: a broken promise of this library, never of its user. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition)
    throw new Error(`@fai/tensor internal error: ${message}. Please report it with the code that led here.`);
}
