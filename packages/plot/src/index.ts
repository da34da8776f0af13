/** @fai/plot: charts of training runs as Vega-Lite 5 specifications, made from plain data; runs in browsers and in Node. */
export type { ChartOptions } from "./chart.js";
export { type ConfusionMatrixOptions, confusionMatrix } from "./confusionMatrix.js";
export { type HistogramOptions, histogram } from "./histogram.js";
export { learningRateCurve, type ScheduleHistory } from "./learningRateCurve.js";
export { type LossCurveOptions, type LossHistory, lossCurve } from "./lossCurve.js";
export { type LrFinderHistory, lrFinderPlot } from "./lrFinderPlot.js";
export { metricsCurve } from "./metricsCurve.js";
export { PlotError } from "./plotError.js";
export { type ScatterOptions, type ScatterPoint, scatter } from "./scatter.js";
export { chartConfig, fontFamily, type Palette, palettes, type Theme } from "./theme.js";
