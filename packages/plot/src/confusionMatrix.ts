import type { TopLevelSpec } from "vega-lite";
import { type ChartOptions, chart, formatNumber } from "./chart.js";
import { mixColors, readableOn } from "./color.js";
import { PlotError } from "./plotError.js";
import { type Palette, palettes } from "./theme.js";

/** How a confusion matrix is drawn. */
export interface ConfusionMatrixOptions extends Omit<ChartOptions, "height" | "width"> {
  /** A cell's color is its share of its row ("truth", if absent) or of its column ("prediction"). */
  readonly normalize?: "truth" | "prediction";
  /** What the cells say: how many (if absent), or the share in percent. */
  readonly show?: "count" | "percent";
  /** The side of a cell in pixels: chosen by the number of classes if absent. */
  readonly cell?: number;
}

/** One cell, ready to be drawn. */
interface Cell {
  readonly truth: string;
  readonly prediction: string;
  readonly count: number;
  readonly share: number;
  readonly color: string;
  readonly text: string;
  readonly textColor: string;
}

/** Cells smaller than this hold no text: the tooltip of the HTML does. */
const leastCellWithText = 20;
/** With more classes most counts are 0, and an empty cell says so more quietly. */
const mostClassesWithZeros = 6;

/**
 * Classes against predictions: `counts[truth][prediction]`, rows the truth and columns the prediction. The diagonal is blue,
 * errors are orange, both by their share of the row; orange grows by the square root, so that rare errors are seen too.
 * The text of a cell is readable on its color (contrast 4.5 or more). Long class names are cut.
 * @throws PlotError when the matrix is empty or not square, has other classes, holds no or bad counts, or names repeat
 */
export function confusionMatrix(
  counts: readonly ArrayLike<number>[],
  options: ConfusionMatrixOptions & { readonly classes: readonly string[] },
): TopLevelSpec {
  const { classes, theme = "light", normalize = "truth", show = "count" } = options;
  const total = check(counts, classes);
  const { cell = Math.max(9, Math.min(classes.length === 1 ? 96 : 76, Math.floor(620 / classes.length))) } = options;
  const palette = palettes[theme];
  const cells = matrixCells(counts, classes, normalize, show, palette);
  const longest = Math.max(...cells.map(({ text }) => text.length));
  const fontSize = Math.min(15, Math.floor(cell * 0.4), Math.floor((cell * 0.86) / (0.6 * longest)));
  const withText = cell >= leastCellWithText && fontSize >= 7;

  const side = cell * classes.length;
  const labelFontSize = Math.max(7, Math.min(13, cell - 2));
  const widest = Math.max(...classes.map((name) => name.length)) * labelFontSize * 0.58;
  // Names that do not fit beside each other stand slanted, and upright where the cells are narrow.
  const labelAngle = widest < cell - 6 ? 0 : cell < 34 ? -90 : -40;
  const band = { paddingInner: cell > 24 ? 0.05 : cell > 12 ? 0.04 : 0, paddingOuter: 0 };
  const axis = { domain: false, ticks: false, grid: false, labelFontSize, labelLimit: 150, labelPadding: 8 };
  const correct = classes.reduce((sum, _, index) => sum + counts[index][index], 0);
  const accuracy = `${formatPercent(correct / total)} of ${formatNumber(total)} right`;
  const axes = {
    x: {
      field: "prediction",
      type: "nominal" as const,
      title: "prediction",
      scale: { domain: [...classes], ...band },
      axis: {
        ...axis,
        labelOverlap: false,
        labelAngle,
        labelAlign: labelAngle === 0 ? ("center" as const) : ("right" as const),
        labelBaseline: labelAngle === 0 ? ("top" as const) : ("middle" as const),
        titleAnchor: "start" as const,
        titleAlign: "left" as const,
      },
    },
    y: {
      field: "truth",
      type: "nominal" as const,
      title: "truth",
      scale: { domain: [...classes], ...band },
      axis: { ...axis, labelOverlap: false, titleAlign: "right" as const, titleX: -8, titleY: -8 },
    },
  };
  return chart(
    {
      width: side,
      height: side,
      data: { values: cells },
      layer: [
        {
          mark: { type: "rect", cornerRadius: cell > 40 ? 4 : cell > 24 ? 2 : 0 },
          encoding: {
            ...axes,
            color: { field: "color", type: "nominal", scale: null, legend: null },
            tooltip: [
              { field: "truth", type: "nominal" },
              { field: "prediction", type: "nominal" },
              { field: "count", type: "quantitative", format: ",~r" },
              { field: "share", type: "quantitative", format: ".1%", title: `share of the ${normalize}` },
            ],
          },
        },
        ...(withText ? [cellTexts(axes, fontSize)] : []),
      ],
    },
    { theme, title: options.title ?? "Confusion matrix", subtitle: options.subtitle ?? accuracy },
  );
}

function cellTexts<T>(axes: T, fontSize: number) {
  return {
    transform: [{ filter: "datum.text != ''" }],
    mark: { type: "text" as const, fontSize, fontWeight: 600 as const, baseline: "middle" as const },
    encoding: {
      ...axes,
      text: { field: "text", type: "nominal" as const },
      color: { field: "textColor", type: "nominal" as const, scale: null, legend: null },
    },
  };
}

function matrixCells(
  counts: readonly ArrayLike<number>[],
  classes: readonly string[],
  normalize: "truth" | "prediction",
  show: "count" | "percent",
  palette: Palette,
): Cell[] {
  const rowSums = classes.map((_, row) => sum(classes.map((_, column) => counts[row][column])));
  const columnSums = classes.map((_, column) => sum(classes.map((_, row) => counts[row][column])));
  return classes.flatMap((truth, row) =>
    classes.map((prediction, column) => {
      const count = counts[row][column];
      const whole = normalize === "truth" ? rowSums[row] : columnSums[column];
      const share = whole === 0 ? 0 : count / whole;
      const strength = row === column ? share : Math.sqrt(share);
      // Nothing at all stays the color of an empty cell; the least something is a step away from it.
      const amount = count === 0 ? 0 : 0.12 + 0.88 * strength;
      const color = mixColors(palette.surface, row === column ? palette.best : palette.bad, amount);
      const textColor = count === 0 ? palette.muted : readableOn(color, "#000000", "#ffffff");
      const hidden = count === 0 && classes.length > mostClassesWithZeros;
      const text = hidden ? "" : show === "count" ? formatNumber(count) : formatPercent(share);
      return { truth, prediction, count, share, color, text, textColor };
    }),
  );
}

/** The sum of all counts, after looking at every one. */
function check(counts: readonly ArrayLike<number>[], classes: readonly string[]): number {
  const fail = (message: string) => new PlotError("confusionMatrix", message);
  if (classes.length === 0) throw fail("there is no class. Give `classes`, one name for each row of the counts.");
  if (counts.length !== classes.length) {
    throw fail(`there are ${counts.length} rows of counts and ${classes.length} classes. Give one row a class.`);
  }
  const repeated = classes.find((name, index) => classes.indexOf(name) !== index);
  if (repeated !== undefined) throw fail(`two classes are called ${JSON.stringify(repeated)}. Give each its own name.`);
  let total = 0;
  for (const [row, name] of classes.entries()) {
    if (counts[row].length !== classes.length) {
      throw fail(`the row of ${name} has ${counts[row].length} counts, and there are ${classes.length} classes.`);
    }
    for (const [column, predicted] of classes.entries()) {
      const count = counts[row][column];
      if (!(count >= 0 && Number.isFinite(count))) {
        throw fail(`the count of ${name} predicted as ${predicted} is ${count}; a count is 0 or more.`);
      }
      total += count;
    }
  }
  if (total === 0) throw fail("every count is 0. Predict on some examples first.");
  return total;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** "93.1%", and never "100%" for less than all or "0%" for more than none. */
function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent > 99.95 && share < 1) return `${(Math.floor(percent * 100) / 100).toFixed(2)}%`;
  if (percent < 0.05 && share > 0) return "<0.1%";
  return `${percent.toFixed(1).replace(/\.0$/, "")}%`;
}
