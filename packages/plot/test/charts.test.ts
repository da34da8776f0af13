import { compile } from "vega-lite";
import { describe, expect, test } from "vitest";
import { contrast, mixColors } from "../src/color.js";
import {
  confusionMatrix,
  histogram,
  learningRateCurve,
  lossCurve,
  lrFinderPlot,
  metricsCurve,
  PlotError,
  palettes,
  scatter,
  type Theme,
} from "../src/index.js";
import { smooth, thin } from "../src/series.js";
import { sampleCharts } from "./sampleCharts.js";

const themes = ["light", "dark"] as const;

/** What the compiler says about a specification that is not quite right. */
function complaints(spec: Parameters<typeof compile>[0]): string[] {
  const said: string[] = [];
  const say = (...parts: readonly unknown[]) => {
    said.push(parts.join(" "));
    return logger;
  };
  const logger = { level: (): number => 0, error: say, warn: say, info: say, debug: say };
  compile(spec, { logger: logger as unknown as NonNullable<Parameters<typeof compile>[1]>["logger"] });
  return said;
}

/** The rows that a part of a specification draws. */
function rowsOf(part: unknown): Record<string, unknown>[] {
  return (part as { data: { values: Record<string, unknown>[] } }).data.values;
}

describe.each(themes)("%s", (theme) => {
  test.each(Object.entries(sampleCharts))("%s compiles without a complaint, in its theme", (_, make) => {
    const spec = make({ theme });
    expect(complaints(spec)).toEqual([]);
    expect(spec.config?.background).toBe(palettes[theme].background);
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
  });

  test.each(Object.entries(sampleCharts))("%s takes a title", (_, make) => {
    expect(make({ theme, title: "Mine" }).title).toMatchObject({ text: "Mine" });
  });
});

describe("lossCurve", () => {
  test("validation losses stand where their epochs end", () => {
    const spec = lossCurve({ batches: [4, 3, 2, 1], valid: [2.5, 1.5] }, { smoothing: 0 });
    const rows = rowsOf(spec).filter(({ kind }) => kind === "validation loss");
    expect(rows).toMatchObject([
      { x: 2, y: 2.5 },
      { x: 4, y: 1.5 },
    ]);
  });

  test("by epoch, batches are parts of one", () => {
    const rows = rowsOf(lossCurve({ batches: [4, 3, 2, 1], valid: [2, 1] }, { by: "epoch", smoothing: 0 }));
    expect(rows.filter(({ kind }) => kind === "training loss").map(({ x }) => x)).toEqual([0.5, 1, 1.5, 2]);
  });

  test("the second line says how it went", () => {
    const spec = lossCurve({ train: [0.5, 0.25], valid: [0.4, 0.625] });
    expect(spec.title).toMatchObject({
      subtitle: "training 0.25 and validation 0.625 after 2 epochs, lowest 0.4 in epoch 1",
    });
  });

  test("a million batches stay a small specification", () => {
    const spec = lossCurve({ batches: new Float32Array(1_000_000).fill(0.5) });
    expect(JSON.stringify(spec).length).toBeLessThan(300_000);
  });

  test.each([
    [{}, {}, "there is no training loss"],
    [{ batches: [] }, {}, "the list is empty"],
    [{ batches: [1, Number.NaN] }, {}, "the loss of a batch at index 1 of 2 is NaN. The training diverged"],
    [
      { train: [1], valid: [Number.POSITIVE_INFINITY] },
      {},
      "the validation loss of an epoch at index 0 of 1 is Infinity",
    ],
    [{ train: [1] }, { by: "batch" as const }, "Give `batches`, or leave `by` out"],
    [{ train: [1] }, { smoothing: 1 }, "smoothing is 1"],
  ])("refuses %j with %j", (history, options, message) => {
    expect(() => lossCurve(history, options)).toThrow(PlotError);
    expect(() => lossCurve(history, options)).toThrow(message);
  });
});

describe("learningRateCurve and metricsCurve", () => {
  test("momentum has a panel of its own", () => {
    expect(learningRateCurve({ lr: [1, 2] })).not.toHaveProperty("vconcat");
    expect(learningRateCurve({ lr: [1, 2], momentum: [0.9, 0.8] })).toHaveProperty("vconcat.length", 2);
  });

  test("one value is enough", () => {
    expect(complaints(learningRateCurve({ lr: [0.1] }))).toEqual([]);
    expect(complaints(metricsCurve({ accuracy: [1] }))).toEqual([]);
  });

  test("what is missing or odd is named", () => {
    expect(() => learningRateCurve({ lr: [] })).toThrow("[learningRateCurve] there is no learning rate");
    expect(() => learningRateCurve({ lr: [1, 2], momentum: [1] })).toThrow("2 learning rates and 1 momenta");
    expect(() => learningRateCurve({ lr: [Number.NaN] })).toThrow("at index 0 of 1 is NaN");
    expect(() => metricsCurve({})).toThrow("there is no metric");
    expect(() => metricsCurve({ accuracy: [1, 2], f1: [1] })).toThrow("2 values of accuracy and 1 of f1");
    expect(() => metricsCurve({ accuracy: [] })).toThrow("there is no accuracy");
  });
});

describe("lrFinderPlot", () => {
  test("the explosion at the end is left out", () => {
    const spec = lrFinderPlot({ lr: [1e-3, 1e-2, 1e-1, 1], loss: [2, 1, Number.NaN, Number.POSITIVE_INFINITY] });
    const [line] = (spec as { layer: unknown[] }).layer;
    expect(rowsOf(line)).toHaveLength(2);
  });

  test("what is missing or odd is named", () => {
    const nan = Number.NaN;
    expect(() => lrFinderPlot({ lr: [], loss: [] })).toThrow("0 of 0 steps have a finite loss");
    expect(() => lrFinderPlot({ lr: [1, 2], loss: [nan, nan] })).toThrow("Start it at a lower rate");
    expect(() => lrFinderPlot({ lr: [1, 2, 3], loss: [1, nan, 2] })).toThrow("the loss of step 1 is NaN");
    expect(() => lrFinderPlot({ lr: [0, 1], loss: [1, 1] })).toThrow("the learning rate of step 0 is 0");
    expect(() => lrFinderPlot({ lr: [1], loss: [1, 2] })).toThrow("1 learning rates and 2 losses");
    expect(() => lrFinderPlot({ lr: [1, 2], loss: [1, 2], suggestions: { best: 9 } })).toThrow(
      "outside the rates tried",
    );
  });
});

describe("confusionMatrix", () => {
  const cellsOf = (counts: number[][], theme: Theme = "light") => {
    const classes = counts.map((_, index) => `c${index}`);
    return rowsOf(confusionMatrix(counts, { classes, theme })) as {
      truth: string;
      prediction: string;
      count: number;
      share: number;
      color: string;
      textColor: string;
    }[];
  };

  test("rows are the truth, columns the prediction, and shares are of the row", () => {
    const cells = cellsOf([
      [3, 1],
      [0, 4],
    ]);
    expect(cells[1]).toMatchObject({ truth: "c0", prediction: "c1", count: 1, share: 0.25 });
  });

  test.each(themes)("text is readable on every cell: %s", (theme) => {
    const shares = Array.from({ length: 101 }, (_, index) => index);
    for (const share of shares) {
      const cells = cellsOf(
        [
          [share, 100 - share],
          [100 - share, share],
        ],
        theme,
      );
      for (const { color, textColor, count } of cells) {
        expect(contrast(color, textColor), `${count} of 100 on ${color}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test("a class without examples is drawn", () => {
    const cells = cellsOf([
      [5, 0],
      [0, 0],
    ]);
    expect(cells.map(({ share }) => share)).toEqual([1, 0, 0, 0]);
  });

  test.each([
    [[], [], "there is no class"],
    [[[1]], ["a", "b"], "1 rows of counts and 2 classes"],
    [[[1, 2], [3]], ["a", "b"], "the row of b has 1 counts, and there are 2 classes"],
    [[[Number.NaN]], ["a"], "the count of a predicted as a is NaN"],
    [[[-1]], ["a"], "is -1; a count is 0 or more"],
    [[[0]], ["a"], "every count is 0"],
    [
      [
        [1, 0],
        [0, 1],
      ],
      ["a", "a"],
      'two classes are called "a"',
    ],
  ])("refuses %j for %j", (counts, classes, message) => {
    expect(() => confusionMatrix(counts, { classes })).toThrow(message);
  });
});

test("scatter and histogram name what is odd", () => {
  expect(() => scatter([])).toThrow("there is no point");
  expect(() => scatter([{ x: 0, y: Number.NaN, label: "Alien" }])).toThrow("point 0 (Alien) lies at 0, NaN");
  expect(() => histogram([])).toThrow("there is no value");
  expect(() => histogram([1], { bins: 0 })).toThrow("bins is 0");
});

test("histogram counts every value once, the highest in the last bar", () => {
  const rows = rowsOf(histogram([0, 1, 2, 3, 4], { bins: 2 }));
  expect(rows).toEqual([
    { from: 0, to: 2, count: 2 },
    { from: 2, to: 4, count: 3 },
  ]);
  expect(rowsOf(histogram([7, 7], { bins: 3 })).map(({ count }) => count)).toEqual([0, 2, 0]);
});

describe("series", () => {
  test("smooth starts at the first value and follows a constant at once", () => {
    expect(smooth([3, 3, 3], 0.98).map((value) => Math.round(value * 1e9) / 1e9)).toEqual([3, 3, 3]);
    expect(smooth([1, 2], 0)).toEqual([1, 2]);
  });

  test("thin keeps the ends and the peaks", () => {
    const points = Array.from({ length: 10_000 }, (_, x) => ({ x, y: x === 4321 ? 99 : x === 7000 ? -99 : 0 }));
    const kept = thin(points, 100);
    expect(kept.length).toBeLessThan(110);
    expect(kept.map(({ y }) => y)).toEqual(expect.arrayContaining([99, -99]));
    expect([kept[0].x, kept[kept.length - 1].x]).toEqual([0, 9999]);
    expect(kept.map(({ x }) => x)).toEqual(kept.map(({ x }) => x).toSorted((a, b) => a - b));
  });
});

describe.each(themes)("the palette, %s", (theme) => {
  const { background, ink, muted, series, good, bad } = palettes[theme];

  test("titles and labels are readable, lines and frames are seen", () => {
    expect(contrast(background, ink)).toBeGreaterThanOrEqual(12);
    expect(contrast(background, muted)).toBeGreaterThanOrEqual(4.5);
    for (const color of [...series, good, bad]) expect(contrast(background, color), color).toBeGreaterThanOrEqual(2.7);
  });

  test("colors mix from one end to the other", () => {
    expect(mixColors(good, bad, 0)).toBe(good);
    expect(mixColors(good, bad, 1)).toBe(bad);
  });
});
