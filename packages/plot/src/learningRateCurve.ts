import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatPower } from "./chart.js";
import { finiteValues, PlotError } from "./plotError.js";
import { type Point, thin } from "./series.js";
import { palettes } from "./theme.js";

/** What a schedule did: one value a batch. */
export interface ScheduleHistory {
  readonly lr: ArrayLike<number>;
  /** As many as learning rates. */
  readonly momentum?: ArrayLike<number>;
}

const advice = "Record the values that the optimizer used.";

/**
 * The learning rate of every batch and, in a panel of its own below, the momentum: two quantities never share an axis.
 * @throws PlotError for no values, values that are not finite, or a different number of momenta
 */
export function learningRateCurve(history: ScheduleHistory, options: ChartOptions = {}): TopLevelSpec {
  const { width = 640, theme = "light" } = options;
  const lr = finiteValues("learningRateCurve", "learning rate of a batch", history.lr, advice);
  const { momentum } = history;
  if (momentum !== undefined && momentum.length !== lr.length) {
    const counts = `${lr.length} learning rates and ${momentum.length} momenta`;
    throw new PlotError("learningRateCurve", `there are ${counts}. Give one of each a batch.`);
  }
  const { height = momentum === undefined ? 300 : 180 } = options;
  const panel = (
    title: string,
    values: readonly number[],
    color: string,
    format: { format?: string },
    axisTitle: string | null,
  ) => ({
    width,
    height,
    data: {
      values: thin(
        values.map((y, index): Point => ({ x: index + 1, y })),
        2000,
      ),
    },
    mark: { type: "line" as const, color },
    encoding: {
      x: {
        field: "x",
        type: "quantitative" as const,
        title: axisTitle,
        scale: { domain: [1, Math.max(2, values.length)], nice: false },
        axis: { tickMinStep: 1, format: "~s", labels: axisTitle !== null },
      },
      y: {
        field: "y",
        type: "quantitative" as const,
        title,
        scale: { zero: title === "learning rate", nice: true },
        axis: { ...format, tickCount: 4, labelExpr: "datum.value == 0 ? '0' : datum.label" },
      },
    },
  });
  const [first, second] = palettes[theme].series;
  const top = Math.max(
    ...thin(
      lr.map((y, x) => ({ x, y })),
      2000,
    ).map(({ y }) => y),
  );
  // Small rates read best as powers, and near 1 as they are.
  const lrFormat = top < 0.02 ? { format: ".1~e" } : {};
  const heading = {
    theme,
    title: options.title ?? (momentum === undefined ? "Learning rate" : "Learning rate and momentum"),
    subtitle: options.subtitle ?? `at most ${formatPower(top)}, ${formatPower(lr[lr.length - 1])} at the end`,
  };
  if (momentum === undefined) return chart(panel("learning rate", lr, first, lrFormat, "batch"), heading);
  const momenta = finiteValues("learningRateCurve", "momentum of a batch", momentum, advice);
  return chart(
    {
      spacing: 36,
      vconcat: [panel("learning rate", lr, first, lrFormat, null), panel("momentum", momenta, second, {}, "batch")],
    },
    heading,
  );
}
