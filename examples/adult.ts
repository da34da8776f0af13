/*
 * Who earns 50,000 or more: the census of 1994 with embeddings, as fastai's tabular quick start has it.
 *
 *   npm run example -- adult --data DIR      (adult.csv, or .gz, with names in its first line)
 *   options: --seed 0
 *
 * With a fastai checkpoint mini_train.pth in DIR, its weights are tried on the same validation rows.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  readCsv,
  type Table,
  TabularData,
  type TabularDataOptions,
  TabularModel,
  tabularLearner,
  trainCats,
} from "@fai/tabular";
import { manualSeed } from "@fai/tensor";
import { loadStateDict } from "@fai/tensor/io";
import { loadPytorch } from "@fai/tensor/io/node";
import { getCvIdxs } from "@fai/train";

const columns = {
  categorical: [
    "workclass",
    "education",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native-country",
  ],
  continuous: ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"],
  target: "salary",
  missingFlag: "categorical",
} satisfies Partial<TabularDataOptions>;

async function train(table: Table, epochs: number, seed: number) {
  manualSeed(seed);
  const data = TabularData.fromTable(table, { ...columns, valid: getCvIdxs(table.numRows), batchSize: 64, seed });
  const learner = tabularLearner(data, { layout: "v1", layers: [200, 100] });
  const rows = await learner.fitOneCycle(1e-2, { epochs });
  for (const { epoch, trainLoss, validLoss, metrics, seconds } of rows) {
    console.log(
      `epoch ${epoch}/${epochs}  train ${trainLoss.toFixed(4)}  valid ${validLoss.toFixed(4)}  accuracy ${metrics.accuracy!.toFixed(4)}  ${seconds.toFixed(1)} s`,
    );
  }
  return { learner, data, accuracy: rows.at(-1)!.metrics.accuracy! };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: "string" }, seed: { type: "string", default: "0" } } });
  if (values.data === undefined)
    throw new Error(
      "Where is the table? Pass --data DIR: the folder of adult.csv (UCI's Adult with names in its first line).",
    );
  const path = ["adult.csv", "adult.csv.gz"].map((name) => join(values.data!, name)).find((file) => existsSync(file));
  if (path === undefined) throw new Error(`${values.data} has neither adult.csv nor adult.csv.gz.`);
  const table = await readCsv(path);
  const seed = Number(values.seed);
  const one = await train(table, 1, seed);
  const five = await train(table, 5, seed);

  console.log("\nwhat matters (loss when the column is shuffled, less the loss as it is)");
  for (const { column, importance } of (await five.learner.permutationImportance()).slice(0, 6))
    console.log(`  ${importance.toFixed(4)}  ${column}`);
  const row = {
    age: 49,
    workclass: " Private",
    education: " Masters",
    "marital-status": " Married-civ-spouse",
    "hours-per-week": 50,
    sex: " Female",
  };
  const { value, probabilities } = await five.learner.predictRow(row);
  console.log(`\n${JSON.stringify(row)}\n  -> ${String(value)} (${Math.max(...probabilities!).toFixed(3)})`);

  const checkpoint = join(values.data, "mini_train.pth");
  const figures: Record<string, number> = { accuracy_1: one.accuracy, accuracy_5: five.accuracy };
  if (existsSync(checkpoint)) {
    // Its makers took the categories of all rows, those of the validation set included.
    const order = Object.fromEntries(
      Object.entries(trainCats(table, { columns: columns.categorical })).map(([name, { values }]) => [name, values]),
    );
    const data = TabularData.fromTable(table, { ...columns, order, valid: getCvIdxs(table.numRows) });
    const model = new TabularModel(data.prep, { layout: "v1", layers: [200, 100] });
    const { tensors } = await loadPytorch(checkpoint, { prefix: "model" });
    loadStateDict(model, tensors);
    const { metrics } = await tabularLearner(data, { model }).validate();
    figures.checkpoint_accuracy = metrics.accuracy!;
  }
  console.log(
    `\n${JSON.stringify({ example: "adult", ...figures, seed }, (_, v) => (typeof v === "number" ? Number(v.toFixed(4)) : v))}`,
  );
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
