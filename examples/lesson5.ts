/*
 * Lesson 5's ladder of recommenders on MovieLens: dot product, with biases, a small network, and the library's learner.
 *
 *   npm run example -- lesson5 --data DIR       (ratings.csv, or .gz, and movies.csv of MovieLens ml-latest-small)
 *   options: --seeds 3 --only dot,dot_bias,embedding_net,learner
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  biasRanking,
  CollabData,
  type CollabModel,
  collabLearner,
  EmbeddingDot,
  EmbeddingDotBias,
  EmbeddingNet,
  factorComponents,
  type Id,
  type Recommender,
} from "@fai/collab";
import { cellsOf, readCsv } from "@fai/tabular";
import { manualSeed } from "@fai/tensor";
import { adam, combine, cosine, getCvIdxs, type OptimizerFactory, sgd } from "@fai/train";

/** A model's validation losses, one an epoch. */
interface Result {
  readonly losses: number[];
  readonly seconds: number;
  readonly recommender?: Recommender;
}

/** How a model of the ladder is trained: three epochs at each rate. */
interface Recipe {
  readonly optimizer: OptimizerFactory;
  readonly rates: readonly number[];
}

/** Lesson 5's loop: three epochs at one rate, three at the other. */
async function twoRates(model: CollabModel, data: CollabData, { optimizer, rates }: Recipe): Promise<number[]> {
  const learner = collabLearner(data, { model, optimizer });
  const losses: number[] = [];
  for (const rate of rates) {
    const rows = await learner.fit(rate, { epochs: 3 });
    losses.push(...rows.map(({ validLoss }) => validLoss));
  }
  return losses;
}

const ladder: Record<string, (data: CollabData) => Promise<{ losses: number[]; recommender?: Recommender }>> = {
  dot: async (data) => ({
    losses: await twoRates(new EmbeddingDot(data), data, {
      optimizer: sgd({ lr: 0.1, momentum: 0.9, weightDecay: 1e-5 }),
      rates: [0.1, 0.01],
    }),
  }),
  dot_bias: async (data) => {
    const model = new EmbeddingDotBias(data, { range: data.range, init: 0.01 });
    return {
      losses: await twoRates(model, data, {
        optimizer: sgd({ lr: 0.1, momentum: 0.9, weightDecay: 2e-4 }),
        rates: [0.1, 0.01],
      }),
    };
  },
  embedding_net: async (data) => {
    const [low, high] = data.range;
    const model = new EmbeddingNet(data, { range: [low - 0.5, high + 0.5] });
    return {
      losses: await twoRates(model, data, { optimizer: adam({ lr: 1e-2, weightDecay: 1e-5 }), rates: [1e-2, 1e-3] }),
    };
  },
  learner: async (data) => {
    const learner = collabLearner(data, { factors: 50, weightDecay: 2e-4 });
    // Cycles of one and of two epochs, as fit(1e-2, 2, cycle_len=1, cycle_mult=2).
    const lr = combine([
      [1 / 3, cosine(1e-2, 0)],
      [2 / 3, cosine(1e-2, 0)],
    ]);
    const rows = await learner.fit(1e-2, { epochs: 3, schedule: { lr } });
    return { losses: rows.map(({ validLoss }) => validLoss), recommender: await learner.recommender() };
  },
};

async function titles(path: string): Promise<Map<Id, string>> {
  const table = await readCsv(path);
  const names = cellsOf(table, "title");
  return new Map(cellsOf(table, "movieId").map((id, i) => [id as number, String(names[i])]));
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const rounded = (value: number) => Number(value.toFixed(4));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: "string" }, seeds: { type: "string", default: "3" }, only: { type: "string" } },
  });
  if (values.data === undefined)
    throw new Error(
      "Where are the ratings? Pass --data DIR: the folder of MovieLens ml-latest-small (grouplens.org/datasets/movielens).",
    );
  const csv = ["ratings.csv", "ratings.csv.gz"]
    .map((name) => join(values.data!, name))
    .find((path) => existsSync(path));
  if (csv === undefined) throw new Error(`${values.data} has neither ratings.csv nor ratings.csv.gz.`);
  const names = values.only?.split(",") ?? Object.keys(ladder);
  const columns = { user: "userId", item: "movieId", rating: "rating", batchSize: 64, extraFields: "ignore" } as const;
  const { ratings } = await CollabData.fromCsv(csv, columns);
  const valid = getCvIdxs(ratings.length);
  const figures: Record<string, number | number[]> = {};
  let recommender: Recommender | undefined;
  for (const name of names) {
    const results: Result[] = [];
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      manualSeed(seed);
      const data = await CollabData.fromCsv(csv, { ...columns, valid, seed });
      const start = performance.now();
      const result = await ladder[name]!(data);
      const seconds = (performance.now() - start) / 1000;
      results.push({ ...result, seconds });
      recommender ??= result.recommender;
      console.log(
        `${name.padEnd(14)} seed ${seed}  ${result.losses.map((loss) => loss.toFixed(4)).join("  ")}  ${seconds.toFixed(1)} s`,
      );
    }
    figures[name] = rounded(middle(results.map(({ losses }) => losses.at(-1)!)));
    figures[`${name}_seeds`] = results.map(({ losses }) => rounded(losses.at(-1)!));
    figures[`${name}_seconds`] = rounded(Math.max(...results.map(({ seconds }) => seconds)));
  }
  if (recommender) await show(recommender, await titles(join(values.data, "movies.csv")));
  console.log(`\n${JSON.stringify({ example: "lesson5", ...figures })}`);
}

async function show(recommender: Recommender, title: Map<Id, string>): Promise<void> {
  const most = [...recommender.itemCounts].sort((a, b) => b - a)[2999] ?? 1;
  const ranked = biasRanking(recommender, { minCount: most });
  const list = (heading: string, lines: readonly string[]) =>
    console.log(`\n${heading}\n${lines.map((line) => `  ${line}`).join("\n")}`);
  list(
    "best by bias",
    ranked.slice(0, 5).map(({ item, bias }) => `${bias.toFixed(2)}  ${title.get(item)}`),
  );
  list(
    "worst by bias",
    ranked
      .slice(-5)
      .reverse()
      .map(({ item, bias }) => `${bias.toFixed(2)}  ${title.get(item)}`),
  );
  const points = factorComponents(recommender);
  for (const c of [0, 1]) {
    const sorted = [...points].sort((a, b) => b.components[c]! - a.components[c]!);
    list(
      `component ${c}: one end, the other`,
      [sorted.slice(0, 4), sorted.slice(-4)].map((end) => end.map(({ item }) => title.get(item)).join("; ")),
    );
  }
  const user = recommender.users.ids[0]!;
  const wanted = await recommender.recommend(user, { count: 5, minCount: 20 });
  list(
    `for user ${user}`,
    wanted.map(({ item, rating }) => `${rating.toFixed(2)}  ${title.get(item)}`),
  );
  list(
    `like ${title.get(1)}`,
    recommender
      .similarItems(1, { count: 5, minCount: 50 })
      .map(({ item, similarity }) => `${similarity.toFixed(2)}  ${title.get(item)}`),
  );
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
