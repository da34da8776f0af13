import { Generator, type Tensor } from "@fai/tensor";
import { Identity, Linear, mse } from "@fai/tensor/nn";
import { describe, expect, it, test } from "vitest";
import {
  type AnyMetric,
  ArrayDataset,
  accuracy,
  accuracyThreshold,
  areaUnderCurve,
  auc,
  bestThreshold,
  confusionMatrix,
  DataLoader,
  expRmspe,
  fBeta,
  Learner,
  logLoss,
  mae,
  meanSquaredError,
  perplexity,
  precision,
  r2,
  recall,
  rmse,
  topK,
  validate,
} from "../../src/index.js";

const rows = 23;
const classes = 3;
const generator = new Generator(2);
const logits = Float32Array.from({ length: rows * classes }, () => generator.normal());
const labels = Int32Array.from({ length: rows }, () => generator.below(classes));
const flags = Float32Array.from({ length: rows * classes }, () => generator.below(2));
const scores = Float32Array.from(
  { length: rows },
  (_, i) => Math.round(2 * generator.normal()) / 2 + (labels[i] === 1 ? 0.5 : 0),
);
const targets = Float32Array.from({ length: rows }, () => generator.normal());
const column = (data: Float32Array | Int32Array, width = 1) => ({ data, shape: width > 1 ? [width] : [] });

/** The metric over batches of 5 and of all rows: a metric of the whole set does not know batches. */
async function measured(
  metric: AnyMetric<Tensor, Tensor>,
  x: ReturnType<typeof column>,
  y: ReturnType<typeof column>,
): Promise<number> {
  const both = await Promise.all(
    [5, rows].map(async (batchSize) => {
      const loader = new DataLoader(new ArrayDataset({ x, y }), { batchSize });
      const loss = (output: Tensor) => output.sum();
      return (await validate(new Identity<Tensor>(), loader, { loss, metrics: { metric } })).metrics.metric!;
    }),
  );
  expect(both[0]).toBeCloseTo(both[1]!, 5);
  return both[0]!;
}

const indices = Array.from({ length: rows }, (_, i) => i);
const row = (i: number) => [...logits.subarray(i * classes, (i + 1) * classes)];
const predicted = indices.map((i) => row(i).indexOf(Math.max(...row(i))));
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const count = (test: (i: number) => boolean) => indices.filter(test).length;
const perClass = (score: (hit: number, said: number, is: number) => number) =>
  [0, 1, 2].map((c) =>
    score(
      count((i) => predicted[i] === c && labels[i] === c),
      count((i) => predicted[i] === c),
      count((i) => labels[i] === c),
    ),
  );
const negativeLogs = indices.map(
  (i) => Math.log(row(i).reduce((sum, v) => sum + Math.exp(v), 0)) - row(i)[labels[i]!]!,
);

describe("metrics of classes, by hand and over any batches", () => {
  const f2 = (hit: number, said: number, is: number) => (said + is === 0 ? 0 : (5 * hit) / (said + 4 * is));
  const cases: [string, AnyMetric<Tensor, Tensor>, number][] = [
    ["accuracy", accuracy, count((i) => predicted[i] === labels[i]) / rows],
    ["topK(2)", topK(2), count((i) => row(i).filter((v) => v > row(i)[labels[i]!]!).length < 2) / rows],
    ["logLoss", logLoss, mean(negativeLogs)],
    ["perplexity", perplexity, Math.exp(mean(negativeLogs))],
    ["precision, macro", precision(), mean(perClass((hit, said) => (said ? hit / said : 0)))],
    ["recall, macro", recall(), mean(perClass((hit, _, is) => (is ? hit / is : 0)))],
    ["F2, macro", fBeta(2), mean(perClass(f2))],
    ["F2, binary", fBeta(2, { average: "binary" }), perClass(f2)[1]!],
    ["F1, micro, is the accuracy", fBeta(1, { average: "micro" }), count((i) => predicted[i] === labels[i]) / rows],
  ];
  test.each(cases)("%s", async (_, metric, expected) => {
    expect(await measured(metric, column(logits, classes), column(labels))).toBeCloseTo(expected, 5);
  });

  test("F2 of several labels a row, the mean over rows as 0.7's f2, and the best threshold", async () => {
    const chances = logits.map((v) => 1 / (1 + Math.exp(-v)));
    const score = (threshold: number) =>
      mean(
        indices.map((i) => {
          const at = [0, 1, 2].map((c) => i * classes + c);
          const [hit, said, is] = [
            (k: number) => chances[k]! > threshold && flags[k] === 1,
            (k: number) => chances[k]! > threshold,
            (k: number) => flags[k] === 1,
          ].map((t) => at.filter(t).length);
          return said! + is! === 0 ? 0 : (5 * hit!) / (said! + 4 * is!);
        }),
      );
    const metric = fBeta(2, { average: "samples", threshold: 0.4 });
    expect(await measured(metric, column(logits, classes), column(flags, classes))).toBeCloseTo(score(0.4), 5);
    const best = bestThreshold(chances, flags, classes);
    expect(best.score).toBeCloseTo(score(best.threshold), 6);
    for (const other of [0.1, 0.3, 0.5, 0.7]) expect(best.score).toBeGreaterThanOrEqual(score(other) - 1e-9);
  });

  test("one decision a row, and several", async () => {
    const yes = Float32Array.from(labels, (label) => (label === 1 ? 1 : 0));
    const said = (i: number) => 1 / (1 + Math.exp(-scores[i]!)) > 0.6;
    const hit = count((i) => said(i) && yes[i] === 1);
    const options = { average: "binary", threshold: 0.6 } as const;
    for (const x of [column(scores), { data: scores, shape: [1] }]) {
      expect(await measured(precision(options), x, column(yes))).toBeCloseTo(hit / count(said), 5);
      expect(await measured(recall(options), x, column(yes))).toBeCloseTo(hit / count((i) => yes[i] === 1), 5);
    }
    const right = count((i) => said(i) === (yes[i] === 1)) / rows;
    expect(await measured(accuracyThreshold(0.6), column(scores), column(yes))).toBeCloseTo(right, 5);
    const all = logits.filter((v, i) => (v > 0 ? 1 : 0) === flags[i]).length / logits.length;
    expect(await measured(accuracyThreshold(), column(logits, classes), column(flags, classes))).toBeCloseTo(all, 5);
    await expect(measured(accuracyThreshold(), column(logits, classes), column(labels))).rejects.toThrow(
      /\[accuracyThreshold\] outputs .* Is accuracy meant, for class indices\?/,
    );
    expect(() => accuracyThreshold(2)).toThrow("threshold is 2");
  });

  test("AUC: the share of pairs in the right order, ties a half", async () => {
    const ones = labels.map((label) => (label === 1 ? 1 : 0));
    const pairs = indices.flatMap((i) =>
      indices
        .filter((j) => ones[i] === 1 && ones[j] === 0)
        .map((j) => (scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0)),
    );
    expect(await measured(auc, column(scores), column(ones))).toBeCloseTo(mean(pairs), 6);
    expect(
      areaUnderCurve([
        [1, 1],
        [0, 1],
      ]),
    ).toBeNaN();
  });

  test("the confusion matrix", () => {
    expect(confusionMatrix([0, 1, 1, 2], [0, 1, 2, 2], 3)).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 1],
    ]);
    expect(() => confusionMatrix([3], [0], 3)).toThrow(
      "[confusionMatrix] row 0 is of class 0 and taken for 3; there are 3 classes.",
    );
  });
});

describe("metrics of numbers", () => {
  const errors = indices.map((i) => scores[i]! - targets[i]!);
  const cases: [string, AnyMetric<Tensor, Tensor>, number][] = [
    ["meanSquaredError", meanSquaredError, mean(errors.map((e) => e * e))],
    ["rmse", rmse, Math.sqrt(mean(errors.map((e) => e * e)))],
    ["mae", mae, mean(errors.map(Math.abs))],
    ["r2", r2, 1 - mean(errors.map((e) => e * e)) / mean([...targets].map((t) => (t - mean([...targets])) ** 2))],
    [
      "expRmspe",
      expRmspe,
      Math.sqrt(
        mean(indices.map((i) => ((Math.exp(targets[i]!) - Math.exp(scores[i]!)) / Math.exp(targets[i]!)) ** 2)),
      ),
    ],
  ];
  test.each(cases)("%s", async (_, metric, expected) => {
    expect(await measured(metric, column(scores), column(targets))).toBeCloseTo(expected, 5);
  });

  it("refuse shapes that would broadcast", async () => {
    await expect(measured(rmse, column(scores), { data: targets, shape: [1] })).rejects.toThrow(
      /^\[rmse\] outputs \[(5|23)\] with targets \[\1, 1\]: expected equal shapes\./,
    );
  });
});

test("a Learner takes both kinds, and keeps their order", async () => {
  const valid = new DataLoader(
    new ArrayDataset({ x: { data: scores, shape: [1] }, y: { data: targets, shape: [1] } }),
    { batchSize: 10 },
  );
  const learner = new Learner({ train: valid, valid }, new Linear(1, 1), { loss: mse, metrics: { rmse, mse, r2 } });
  const [row] = await learner.fit(0.01);
  expect(Object.keys(row!.metrics)).toEqual(["rmse", "mse", "r2"]);
  expect(row!.metrics.rmse! ** 2).toBeCloseTo(row!.metrics.mse!, 5);
  expect(row!.validLoss).toBeCloseTo(row!.metrics.mse!, 6);
});
