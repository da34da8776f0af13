import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatNumber } from "./chart.js";
import { PlotError } from "./plotError.js";
import { palettes } from "./theme.js";

/** One point of a scatter plot. */
export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  /** Written beside the point. */
  readonly label?: string;
  /** Points of one group share a color; with groups, those without one are "other". */
  readonly group?: string;
}

/** How a scatter plot is drawn. */
export interface ScatterOptions extends ChartOptions {
  readonly xTitle?: string;
  readonly yTitle?: string;
}

/**
 * Points in two dimensions with their labels, such as two components of an embedding. Give labels to the points that matter:
 * a few dozen can be read.
 * @throws PlotError for no points, or a coordinate that is not finite
 */
export function scatter(points: readonly ScatterPoint[], options: ScatterOptions = {}): TopLevelSpec {
  const { theme = "light", width = 640, height = 480, xTitle, yTitle } = options;
  if (points.length === 0) throw new PlotError("scatter", "there is no point. Give one or more.");
  for (const [index, { x, y, label }] of points.entries()) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      const name = label === undefined ? "" : ` (${label})`;
      throw new PlotError(
        "scatter",
        `point ${index}${name} lies at ${x}, ${y}. Leave it out, or see where it comes from.`,
      );
    }
  }
  const palette = palettes[theme];
  const grouped = points.some(({ group }) => group !== undefined);
  const axis = { grid: true, ticks: false, domain: false, tickCount: 6 };
  const encoding = {
    x: { field: "x", type: "quantitative" as const, title: xTitle ?? null, scale: { zero: false, nice: true }, axis },
    y: { field: "y", type: "quantitative" as const, title: yTitle ?? null, scale: { zero: false, nice: true }, axis },
  };
  const color = {
    field: "group",
    type: "nominal" as const,
    title: null,
    legend: {
      symbolType: "circle",
      symbolSize: 80,
      orient: "right" as const,
      direction: "vertical" as const,
      offset: 28,
    },
  };
  return chart(
    {
      width,
      height,
      data: { values: points.map((point) => ({ ...point, ...(grouped && { group: point.group ?? "other" }) })) },
      layer: [
        {
          mark: { type: "point", size: 52, opacity: 0.85, stroke: palette.background, strokeWidth: 1 },
          encoding: { ...encoding, ...(grouped && { color }) },
        },
        {
          transform: [{ filter: "isValid(datum.label)" }],
          mark: { type: "text", align: "left", dx: 8, fontSize: 11, limit: 180, color: palette.ink },
          encoding: { ...encoding, text: { field: "label", type: "nominal" } },
        },
      ],
    },
    { theme, title: options.title, subtitle: options.subtitle ?? `${formatNumber(points.length)} points` },
  );
}
