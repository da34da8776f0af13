import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatNumber } from "./chart.js";
import { finiteValues, PlotError } from "./plotError.js";
import { type Point, paddedRange, quantile, smooth, thin } from "./series.js";
import { palettes } from "./theme.js";

/** The losses of a training run. `train` is needed where `batches` is absent. */
export interface LossHistory {
  /** The training loss of every batch, in order. */
  readonly batches?: ArrayLike<number>;
  /** The mean training loss of every epoch. */
  readonly train?: ArrayLike<number>;
  /** The validation loss of every epoch. */
  readonly valid?: ArrayLike<number>;
}

/** How a loss curve is drawn. */
export interface LossCurveOptions extends ChartOptions {
  /** What the x axis counts: batches where they are given, else epochs. */
  readonly by?: "batch" | "epoch";
  /** The decay of the moving average over batches, 0 for none: 0.98 if absent, less for fewer than 1,250 batches. */
  readonly smoothing?: number;
}

const pointLimit = 1500;
const advice = "The training diverged there: plot what is before it, and train with a lower learning rate.";

/**
 * The training and the validation loss of a run. With batches, a faint line shows each and a strong one their moving average;
 * validation losses stand where their epochs end. A few very high losses at the start do not flatten the rest: the y axis
 * ends where 98 % of the batches do.
 * @throws PlotError without any loss, or for one that is not finite
 */
export function lossCurve(history: LossHistory, options: LossCurveOptions = {}): TopLevelSpec {
  const { width = 640, height = 320, theme = "light" } = options;
  const batches = optional(history.batches, "loss of a batch");
  const epochs = optional(history.train, "training loss of an epoch");
  const valid = optional(history.valid, "validation loss of an epoch");
  if (batches === undefined && epochs === undefined) {
    throw new PlotError("lossCurve", "there is no training loss. Give `batches` or `train`, with one number or more.");
  }
  const epochCount = valid?.length ?? epochs?.length ?? 1;
  const { by = batches === undefined ? "epoch" : "batch" } = options;
  if (by === "batch" && batches === undefined) {
    throw new PlotError("lossCurve", 'by: "batch" needs the losses of the batches. Give `batches`, or leave `by` out.');
  }
  const end = by === "batch" ? batches!.length : epochCount;
  const { smoothing = Math.max(0, Math.min(0.98, 1 - 25 / (batches?.length ?? 1))) } = options;
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new PlotError("lossCurve", `smoothing is ${smoothing}; it has to be 0 or more, and less than 1.`);
  }

  const spread = (values: readonly number[]) =>
    values.map((y, index): Point => ({ x: ((index + 1) / values.length) * end, y }));
  const trainLine = batches === undefined ? spread(epochs!) : spread(smooth(batches, smoothing));
  const validLine = spread(valid ?? []);
  const raw = batches === undefined || smoothing === 0 ? [] : spread(batches);
  const settled = trainLine.slice(batches === undefined ? 0 : Math.floor(trainLine.length / 33));
  const shown = [...settled, ...validLine].map(({ y }) => y);
  if (raw.length > 0) shown.push(quantile(batches!, 0.02), quantile(batches!, 0.98));

  const rows = [
    ...thin(trainLine, pointLimit).map((point) => ({ ...point, kind: "training loss" })),
    ...validLine.map((point) => ({ ...point, kind: "validation loss" })),
  ];
  const kinds = valid === undefined ? ["training loss"] : ["training loss", "validation loss"];
  const colors = palettes[theme].series.slice(0, 2);
  const x = {
    field: "x",
    type: "quantitative" as const,
    title: by,
    scale: { domain: [by === "epoch" && batches === undefined ? Math.min(1, end - 1) : 0, end], nice: false },
    axis: by === "epoch" ? { tickMinStep: 1, format: "d" } : { tickMinStep: 1, format: "~s" },
  };
  const scale = { domain: paddedRange(shown), nice: 6, zero: false };
  const y = { field: "y", type: "quantitative" as const, title: null, scale, axis: { tickCount: 6 } };
  const color = {
    field: "kind",
    type: "nominal" as const,
    title: null,
    scale: { domain: kinds, range: colors },
    legend: { symbolType: "stroke" },
  };
  const tooltip = [
    { field: "kind", type: "nominal" as const, title: "curve" },
    { field: "x", type: "quantitative" as const, title: by, format: ".4~g" },
    { field: "y", type: "quantitative" as const, title: "value", format: ".4~g" },
  ];
  const dots = palettes[theme].background;
  return chart(
    {
      width,
      height,
      data: { values: rows },
      layer: [
        {
          data: { values: thin(raw, pointLimit) },
          mark: { type: "line", clip: true, strokeWidth: 1, opacity: theme === "dark" ? 0.4 : 0.28, color: colors[0] },
          encoding: { x, y },
        },
        { mark: { type: "line", clip: true }, encoding: { x, y, color } },
        {
          transform: [{ filter: trainLine.length > 40 ? "datum.kind == 'validation loss'" : "true" }],
          mark: { type: "point", size: 44, stroke: dots, strokeWidth: 1.5 },
          encoding: { x, y, color, tooltip },
        },
      ],
    },
    {
      theme,
      title: options.title ?? "Loss",
      subtitle: options.subtitle ?? summary(trainLine[trainLine.length - 1].y, valid, epochCount),
    },
  );
}

function optional(values: ArrayLike<number> | undefined, what: string): number[] | undefined {
  return values === undefined ? undefined : finiteValues("lossCurve", what, values, advice);
}

/** "training 0.1234, validation 0.2345 after 4 epochs". */
function summary(train: number, valid: readonly number[] | undefined, epochs: number): string {
  if (valid === undefined) return `training ${formatNumber(train)} at the end`;
  const best = Math.min(...valid);
  const last = valid[valid.length - 1];
  const lowest = best < last ? `, lowest ${formatNumber(best)} in epoch ${valid.indexOf(best) + 1}` : "";
  const after = `after ${epochs} epoch${epochs === 1 ? "" : "s"}`;
  return `training ${formatNumber(train)} and validation ${formatNumber(last)} ${after}${lowest}`;
}
