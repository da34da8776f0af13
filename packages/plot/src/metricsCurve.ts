import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatNumber } from "./chart.js";
import { finiteValues, PlotError } from "./plotError.js";
import { palettes } from "./theme.js";

/**
 * Each metric by epoch, a panel each, because metrics rarely share a unit: `metricsCurve({ accuracy: [0.8, 0.9] })`.
 * @throws PlotError for no metric, an empty one, one that is not finite, or metrics of different lengths
 */
export function metricsCurve(
  metrics: Readonly<Record<string, ArrayLike<number>>>,
  options: ChartOptions = {},
): TopLevelSpec {
  const entries = Object.entries(metrics).map(
    ([name, values]) =>
      [name, finiteValues("metricsCurve", `${name} of an epoch`, values, "Plot the epochs before it.")] as const,
  );
  if (entries.length === 0) {
    throw new PlotError(
      "metricsCurve",
      "there is no metric. Give some by name: metricsCurve({ accuracy: [0.8, 0.9] }).",
    );
  }
  const odd = entries.find(([, values]) => values.length !== entries[0][1].length);
  if (odd !== undefined) {
    const [name, values] = entries[0];
    const counts = `${values.length} values of ${name} and ${odd[1].length} of ${odd[0]}`;
    throw new PlotError("metricsCurve", `there are ${counts}. Give one of each an epoch.`);
  }
  const { theme = "light", width = 640, height = entries.length === 1 ? 300 : 170 } = options;
  const { series, background } = palettes[theme];
  const epochs = entries[0][1].length;
  const panels = entries.map(([name, values], index) => ({
    width,
    height,
    data: { values: values.map((y, epoch) => ({ x: epoch + 1, y })) },
    mark: {
      type: "line" as const,
      color: series[index % series.length],
      point: { size: 44, color: series[index % series.length], stroke: background, strokeWidth: epochs > 60 ? 0 : 1.5 },
    },
    encoding: {
      x: {
        field: "x",
        type: "quantitative" as const,
        title: index === entries.length - 1 ? "epoch" : null,
        scale: { domain: epochs === 1 ? [0, 2] : [1, epochs], nice: false },
        axis: { tickMinStep: 1, format: "d" },
      },
      y: {
        field: "y",
        type: "quantitative" as const,
        title: entries.length === 1 ? null : name,
        scale: { zero: false, nice: true },
        axis: { tickCount: 5 },
      },
      tooltip: [
        { field: "x", type: "quantitative" as const, title: "epoch" },
        { field: "y", type: "quantitative" as const, title: name, format: ".4~g" },
      ],
    },
  }));
  const last = entries.map(([name, values]) => `${name} ${formatNumber(values[epochs - 1])}`).join(", ");
  return chart(panels.length === 1 ? panels[0] : { spacing: 44, vconcat: panels }, {
    theme,
    title: options.title ?? (entries.length === 1 ? capitalize(entries[0][0]) : "Metrics"),
    subtitle: options.subtitle ?? `${last} after ${epochs} epoch${epochs === 1 ? "" : "s"}`,
  });
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
