/** An error of a plot: names the function, shows the values, says what to do. `plot` is the function that refused. */
export class PlotError extends Error {
  readonly plot: string;
  constructor(plot: string, message: string, options?: { cause?: unknown }) {
    super(`[${plot}] ${message}`, options);
    this.name = "PlotError";
    this.plot = plot;
  }
}

/**
 * Copies `values` into an array and throws a PlotError when it is empty or holds NaN or an infinity.
 * `what` names one value in the message ("the loss of batch"); `hint` says what to do about a bad one.
 */
export function finiteValues(plot: string, what: string, values: ArrayLike<number>, hint: string): number[] {
  if (values.length === 0) throw new PlotError(plot, `there is no ${what}: the list is empty. Train first, then plot.`);
  return Array.from(values, (value, index) => {
    if (Number.isFinite(value)) return value;
    throw new PlotError(plot, `the ${what} at index ${index} of ${values.length} is ${value}. ${hint}`);
  });
}
