import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatNumber } from "./chart.js";
import { finiteValues, PlotError } from "./plotError.js";
import { palettes } from "./theme.js";

/** How a histogram is drawn. */
export interface HistogramOptions extends ChartOptions {
  /** How many bars of equal width there are, 30 if absent. */
  readonly bins?: number;
  /** What is counted: "pixels", "rating". */
  readonly xTitle?: string;
}

/**
 * How many of `values` lie where. Counted here, so that a million values make a specification of a few lines.
 * @throws PlotError for no values, one that is not finite, or `bins` that is no whole number above 0
 */
export function histogram(values: ArrayLike<number>, options: HistogramOptions = {}): TopLevelSpec {
  const { width = 640, height = 300, bins = 30, xTitle, theme = "light" } = options;
  const palette = palettes[theme];
  if (!(Number.isInteger(bins) && bins > 0)) throw new PlotError("histogram", `bins is ${bins}. Ask for one or more.`);
  const numbers = finiteValues("histogram", "value", values, "Leave it out.");
  const lowest = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const highest = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const [start, span] = highest > lowest ? [lowest, highest - lowest] : [lowest - 0.5, 1];
  const counts = new Array<number>(bins).fill(0);
  for (const value of numbers) counts[Math.min(bins - 1, Math.floor(((value - start) / span) * bins))]++;
  const edge = (index: number) => start + (index * span) / bins;
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  return chart(
    {
      width,
      height,
      data: { values: counts.map((count, index) => ({ from: edge(index), to: edge(index + 1), count })) },
      // Rectangles, because a bar between two numbers on each axis would not know which way it stands.
      mark: { type: "rect", color: palette.series[0], stroke: palette.background, strokeWidth: 1 },
      encoding: {
        x: {
          field: "from",
          type: "quantitative",
          title: xTitle ?? null,
          scale: { zero: false, nice: false },
          axis: { zindex: 1 },
        },
        x2: { field: "to" },
        y: { field: "count", type: "quantitative", title: "count", axis: { tickCount: 5 } },
        y2: { datum: 0 },
        tooltip: ["from", "to", "count"].map((field) => ({ field, type: "quantitative" as const })),
      },
    },
    {
      ...options,
      subtitle: options.subtitle ?? `${formatNumber(numbers.length)} values, mean ${formatNumber(mean)}`,
    },
  );
}
