import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatPower } from "./chart.js";
import { PlotError } from "./plotError.js";
import { type Point, paddedRange, quantile, thin } from "./series.js";
import { palettes } from "./theme.js";

/** What a learning-rate finder saw. */
export interface LrFinderHistory {
  /** The learning rate of every step, each above 0. */
  readonly lr: ArrayLike<number>;
  /** The loss of every step, smoothed or not. */
  readonly loss: ArrayLike<number>;
  /** Rates worth marking, by name: `{ steepest: 2e-3, "a tenth of the lowest": 1e-2 }`. */
  readonly suggestions?: Readonly<Record<string, number>>;
}

/**
 * The loss over the learning rate, on a logarithmic axis, with a mark at each suggested rate. A finder ends when the loss
 * explodes: what is not finite at its end is left out, and the y axis ends a little above where the loss began.
 * @throws PlotError for fewer than two steps, lists of different lengths, rates that are not above 0, or NaN before the end
 */
export function lrFinderPlot(history: LrFinderHistory, options: ChartOptions = {}): TopLevelSpec {
  const { width = 640, height = 320, theme = "light" } = options;
  const palette = palettes[theme];
  const steps = finiteSteps(history);
  const losses = steps.map(({ y }) => y);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const start = quantile(losses.slice(0, Math.max(1, Math.floor(losses.length / 3))), 0.9);
  const [bottom, top] = paddedRange([low, Math.min(high, low + 1.5 * (start - low || high - low || 1))]);
  const marks = suggestionMarks(history.suggestions ?? {}, steps);

  const [first, last] = [steps[0].x, steps[steps.length - 1].x];
  const x = {
    field: "x",
    type: "quantitative" as const,
    title: "learning rate",
    scale: { type: "log" as const, domain: first < last ? [first, last] : [first / 10, first * 10], nice: false },
    axis: { format: ".0e", values: powersOfTen(first, last), labelExpr: "replace(datum.label, '+', '')" },
  };
  const y = {
    field: "y",
    type: "quantitative" as const,
    title: "loss",
    scale: { domain: [bottom, top], nice: false, zero: false },
    axis: { tickCount: 6 },
  };
  const accent = palette.series[1];
  return chart(
    {
      width,
      height,
      data: { values: marks },
      layer: [
        { data: { values: thin(steps, 1500) }, mark: { type: "line", clip: true }, encoding: { x, y } },
        // Each line starts at its name, lower than the names to the left of it, so it crosses none of them.
        ...marks.map(({ x: at }, index) => ({
          data: { values: [{ x: at }] },
          mark: { type: "rule" as const, color: accent, strokeDash: [3, 4], strokeWidth: 1.25, y: labelTop(index) - 8 },
          encoding: { x, y2: { value: height } },
        })),
        {
          mark: { type: "point", size: 80, color: accent, stroke: palette.background, strokeWidth: 1.5, clip: true },
          encoding: { x, y },
        },
        ...marks.map(({ name, x: at, beforeLine }, index) => ({
          data: { values: [{ name, x: at }] },
          mark: {
            type: "text" as const,
            align: beforeLine ? ("right" as const) : ("left" as const),
            dx: beforeLine ? -7 : 7,
            y: labelTop(index),
            fontSize: 12,
            fontWeight: 600 as const,
            color: palette.ink,
          },
          encoding: { x, text: { field: "name", type: "nominal" as const } },
        })),
      ],
    },
    {
      theme,
      title: options.title ?? "Learning-rate finder",
      subtitle: options.subtitle ?? `lowest loss at ${formatPower(steps[losses.indexOf(low)].x)}`,
    },
  );
}

/** Names stand one below the other. */
function labelTop(index: number): number {
  return 8 + 18 * index;
}

/** The steps as points, without the end from the first loss that is not finite, if nothing finite follows. */
function finiteSteps({ lr, loss }: LrFinderHistory): Point[] {
  const plot = "lrFinderPlot";
  if (lr.length !== loss.length) {
    throw new PlotError(
      plot,
      `there are ${lr.length} learning rates and ${loss.length} losses. Give one of each a step.`,
    );
  }
  let end = loss.length;
  while (end > 0 && !Number.isFinite(loss[end - 1])) end--;
  if (end < 2) {
    const cause = loss.length < 2 ? "Run the finder over more batches." : "Start it at a lower rate.";
    throw new PlotError(plot, `${end} of ${loss.length} steps have a finite loss, and a curve needs two. ${cause}`);
  }
  return Array.from({ length: end }, (_, index) => {
    if (!(lr[index] > 0 && Number.isFinite(lr[index]))) {
      throw new PlotError(
        plot,
        `the learning rate of step ${index} is ${lr[index]}; a logarithmic axis needs it above 0.`,
      );
    }
    if (!Number.isFinite(loss[index])) {
      throw new PlotError(
        plot,
        `the loss of step ${index} is ${loss[index]}, and later ones are finite. Look at that batch.`,
      );
    }
    return { x: lr[index], y: loss[index] };
  });
}

/** A mark for each suggestion, on the curve, with the side on which its name has room. */
function suggestionMarks(suggestions: Readonly<Record<string, number>>, steps: readonly Point[]) {
  const [first, last] = [steps[0].x, steps[steps.length - 1].x];
  return Object.entries(suggestions)
    .sort(([, a], [, b]) => a - b)
    .map(([name, x]) => {
      if (!(x >= first && x <= last)) {
        const range = `${formatPower(first)} to ${formatPower(last)}`;
        throw new PlotError("lrFinderPlot", `the suggestion ${name} is ${x}, outside the rates tried (${range}).`);
      }
      const nearest = steps.reduce((best, step) =>
        Math.abs(Math.log(step.x / x)) < Math.abs(Math.log(best.x / x)) ? step : best,
      );
      const beforeLine = Math.log(x / first) > 0.75 * Math.log(last / first);
      return { name: `${name}: ${formatPower(x)}`, x, y: nearest.y, beforeLine };
    });
}

/** The powers of ten between two rates, or the ends themselves where there are fewer than two. */
function powersOfTen(first: number, last: number): number[] {
  const powers: number[] = [];
  for (let power = Math.ceil(Math.log10(first) - 1e-9); power <= Math.log10(last) + 1e-9; power++) {
    powers.push(Number(`1e${power}`));
  }
  return powers.length >= 2 ? powers : [first, last];
}
