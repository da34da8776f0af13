import type { TopLevelSpec } from "vega-lite";
import {
  type ChartOptions,
  confusionMatrix,
  histogram,
  learningRateCurve,
  lossCurve,
  lrFinderPlot,
  metricsCurve,
  scatter,
} from "../src/index.js";

const batches = Array.from({ length: 200 }, (_, i) => 2 * Math.exp(-i / 60) + 0.2 + 0.05 * Math.sin(i * 7.3));
const rates = Array.from({ length: 60 }, (_, i) => 1e-6 * 10 ** (i / 10));
const finderLosses = rates.map((lr) => 2 - 1.5 / (1 + 1e-3 / lr) + lr ** 2);

/** One chart of every kind, each from a few numbers. */
export const sampleCharts: Readonly<Record<string, (options: ChartOptions) => TopLevelSpec>> = {
  lossCurve: (options) => lossCurve({ batches, valid: [0.9, 0.5, 0.41, 0.4] }, options),
  lossByEpoch: (options) => lossCurve({ train: [0.8, 0.5], valid: [0.9, 0.6] }, options),
  learningRateCurve: (options) => learningRateCurve({ lr: [1e-4, 1e-3, 1e-4], momentum: [0.95, 0.85, 0.95] }, options),
  lrFinderPlot: (options) => lrFinderPlot({ lr: rates, loss: finderLosses, suggestions: { steepest: 1e-3 } }, options),
  confusionMatrix: ({ theme, title }) =>
    confusionMatrix(
      [
        [998, 2],
        [5, 995],
      ],
      { classes: ["cats", "dogs"], theme, title },
    ),
  metricsCurve: (options) => metricsCurve({ accuracy: [0.7, 0.9], rmse: [20, 11] }, options),
  scatter: (options) =>
    scatter(
      [
        { x: 0, y: 1, label: "Alien", group: "horror" },
        { x: 2, y: -1 },
      ],
      options,
    ),
  histogram: (options) => histogram([1, 2, 2, 3, 9], { ...options, bins: 4 }),
};
