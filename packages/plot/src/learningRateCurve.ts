import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatPower } from "./chart.js";
import { finiteValues, PlotError } from "./plotError.js";
import { paddedRange, thin } from "./series.js";
import { palettes } from "./theme.js";

/** What a schedule did: one value a batch. */
export interface ScheduleHistory {
  readonly lr: ArrayLike<number>;
  /** As many as learning rates. */
  readonly momentum?: ArrayLike<number>;
}

/** One of the curves, over the batches. */
interface Panel {
  readonly title: string | null;
  readonly values: readonly number[];
  readonly domain: [number, number];
  readonly color: string;
  /** The lowest panel names the batches for all. */
  readonly lowest: boolean;
}

const advice = "Record the values that the optimizer used.";

/**
 * The learning rate of every batch and, in a panel of its own below, the momentum: two quantities never share an axis.
 * @throws PlotError for no values, values that are not finite, or a different number of momenta
 */
export function learningRateCurve(history: ScheduleHistory, options: ChartOptions = {}): TopLevelSpec {
  const { momentum } = history;
  const { width = 640, height = momentum === undefined ? 300 : 180, theme = "light" } = options;
  const lr = finiteValues("learningRateCurve", "learning rate of a batch", history.lr, advice);
  if (momentum !== undefined && momentum.length !== lr.length) {
    const counts = `${lr.length} learning rates and ${momentum.length} momenta`;
    throw new PlotError("learningRateCurve", `there are ${counts}. Give one of each a batch.`);
  }
  const top = lr.reduce((a, b) => Math.max(a, b));
  const lowest = momentum === undefined;
  const lrPanel: Panel = {
    title: lowest ? null : "learning rate",
    values: lr,
    domain: [
      Math.min(
        0,
        lr.reduce((a, b) => Math.min(a, b)),
      ),
      top > 0 ? top * 1.06 : 1,
    ],
    color: palettes[theme].series[0],
    lowest,
  };
  const heading = {
    theme,
    title: options.title ?? (lowest ? "Learning rate" : "Learning rate and momentum"),
    subtitle: options.subtitle ?? `at most ${formatPower(top)}, ${formatPower(lr[lr.length - 1])} at the end`,
  };
  const size = { width, height };
  if (momentum === undefined) return chart({ ...size, ...panelBody(lrPanel) }, heading);
  const momenta = finiteValues("learningRateCurve", "momentum of a batch", momentum, advice);
  const momentumPanel: Panel = {
    title: "momentum",
    values: momenta,
    domain: paddedRange(momenta),
    color: palettes[theme].series[1],
    lowest: true,
  };
  const vconcat = [lrPanel, momentumPanel].map((panel) => ({ ...size, ...panelBody(panel) }));
  return chart({ spacing: 36, vconcat }, heading);
}

function panelBody({ title, values, domain, color, lowest }: Panel) {
  const points = values.map((y, index) => ({ x: index + 1, y }));
  // Small rates read best as powers of ten.
  const format = domain[1] < 0.02 ? { format: ".1~e" } : {};
  return {
    data: { values: thin(points, 2000) },
    mark: { type: "line" as const, color },
    encoding: {
      x: {
        field: "x",
        type: "quantitative" as const,
        title: lowest ? "batch" : null,
        scale: { domain: [1, Math.max(2, values.length)], nice: false },
        axis: { tickMinStep: 1, format: "~s", labels: lowest },
      },
      y: {
        field: "y",
        type: "quantitative" as const,
        title,
        scale: { domain, nice: false, zero: false },
        axis: { ...format, tickCount: 4, labelExpr: "datum.value == 0 ? '0' : datum.label" },
      },
    },
  };
}
