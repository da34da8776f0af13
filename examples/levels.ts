/*
 * One model, trained at four levels of the library: as an application, in a Learner, by the bare `fit`, and with tensors alone.
 * Each starts from the same weights and sees the same batches, and all four end with the same bits; then one model is handed on
 * from level to level.
 *
 *   npm run example -- levels
 *   options: --epochs 3 --seed 0
 */
import { parseArgs } from "node:util";
import { CollabData, collabLearner, EmbeddingDotBias } from "@fai/collab";
import { backend, Generator, gradients, manualSeed, realize, State, type Tensor, tensor } from "@fai/tensor";
import { mse } from "@fai/tensor/nn";
import { adam, fit, Learner, validate } from "@fai/train";

const rate = 0.02;

/** Ratings of 1 to 5 that follow tastes of two kinds: users that like action, items that have it. */
function ratings(seed: number) {
  const generator = new Generator(seed);
  const taste = Array.from({ length: 80 }, () => [generator.normal(), generator.normal()]);
  const content = Array.from({ length: 50 }, () => [generator.normal(), generator.normal()]);
  const rows = Array.from({ length: 3000 }, () => {
    const [user, item] = [generator.below(80), generator.below(50)];
    const match = taste[user]![0]! * content[item]![0]! + taste[user]![1]! * content[item]![1]!;
    return { user, item, rating: Math.max(1, Math.min(5, Math.round(3 + match + 0.3 * generator.normal()))) };
  });
  return {
    userId: rows.map(({ user }) => user),
    itemId: rows.map(({ item }) => item),
    rating: rows.map(({ rating }) => rating),
  };
}

type Level = (model: EmbeddingDotBias, data: CollabData, epochs: number) => Promise<void>;

/** The levels, from the one that does everything to the one where everything is by hand. */
const levels: Record<string, Level> = {
  application: async (model, data, epochs) => {
    await collabLearner(data, { model, optimizer: adam() }).fit(rate, { epochs });
  },
  learner: async (model, data, epochs) => {
    await new Learner(data, model, { loss: mse, optimizer: adam() }).fit(rate, { epochs });
  },
  fit: async (model, data, epochs) => {
    await fit(model, data, { epochs, loss: mse, optimizer: adam({ lr: rate }) });
  },
  tensors: async (model, data, epochs) => {
    const parameters = model.parameters();
    const zeros = ({ shape, value }: { shape: readonly number[]; value: Tensor }) =>
      new State(tensor(new Float32Array(value.size), { shape: [...shape] }));
    const [averages, squares] = [parameters.map(zeros), parameters.map(zeros)];
    const [beta1, beta2] = [0.9, 0.999];
    let step = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      for await (const { x, y } of data.train) {
        step++;
        const found = gradients(mse(model.call(x), y), parameters);
        parameters.forEach((parameter, i) => {
          const gradient = found[i]!;
          const average = averages[i]!.value.lerp(gradient, 1 - beta1);
          const square = squares[i]!.value.mul(beta2).add(gradient.mul(1 - beta2).mul(gradient));
          averages[i]!.set(average);
          squares[i]!.set(square);
          const spread = square
            .sqrt()
            .div(Math.sqrt(1 - beta2 ** step))
            .add(1e-8);
          parameter.set(parameter.value.add(average.mul(-rate / (1 - beta1 ** step)).div(spread)));
        });
        await realize();
      }
    }
  },
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { epochs: { type: "string", default: "3" }, seed: { type: "string", default: "0" } },
  });
  const [epochs, seed] = [Number(values.epochs), Number(values.seed)];
  const data = CollabData.fromTable(ratings(seed + 1), { seed });
  const fresh = () => {
    manualSeed(seed);
    return new EmbeddingDotBias(data, { factors: 8, range: data.range });
  };
  const lossOf = async (model: EmbeddingDotBias) => (await validate(model, data.valid, { loss: mse })).loss;

  const losses: Record<string, number> = { untrained: await lossOf(fresh()) };
  const ends: string[] = [];
  for (const [name, train] of Object.entries(levels)) {
    const model = fresh();
    data.train.epoch = 0; // the same batches for each
    await train(model, data, epochs);
    losses[name] = await lossOf(model);
    ends.push(String(await model.itemFactors.weight.value.data()));
    console.log(`${name.padEnd(12)} valid loss ${losses[name]!.toFixed(4)}`);
  }

  const handedOn = fresh();
  for (const train of Object.values(levels)) await train(handedOn, data, 1);
  losses.handed_on = await lossOf(handedOn);
  console.log(`handed on    valid loss ${losses.handed_on.toFixed(4)}`);
  const equal = ends.every((end) => end === ends[0]);
  console.log(
    JSON.stringify({ example: "levels", valid_loss: losses, bit_identical: equal, epochs, backend: backend().name }),
  );
  if (!equal) process.exitCode = 1;
  await backend().close();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
