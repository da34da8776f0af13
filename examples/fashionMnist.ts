/*
 * Lesson 7's convolutional net with batch norm, trained from scratch on 60,000 pictures of clothes:
 *
 *   npm run example -- fashion-mnist --data /usr/share/datasets/fashion-mnist
 *   options: --epochs 5 --batch 128 --seed 0 --backend native|wasm --threads N --limit N (rows of each set)
 */
import { parseArgs } from "node:util";
import { manualSeed, openCpu, rand, type Tensor, use } from "@fai/tensor";
import { AdaptiveMaxPool2d, BatchNorm2d, Conv2d, crossEntropy, Linear, Module } from "@fai/tensor/nn";
import { ArrayDataset, accuracy, DataLoader, type FitRow, fit, sgd } from "@fai/train";
import { type LabelledImages, readIdxFolder } from "./data/idx.js";

/** Halves the image: a 3x3 convolution of stride 2, ReLU, batch norm. */
class BnLayer extends Module<Tensor, Tensor> {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, { kernelSize: 3, stride: 2, padding: 1, bias: false });
    this.norm = new BatchNorm2d(outChannels);
  }

  forward(x: Tensor): Tensor {
    return this.norm.call(this.conv.call(x).relu());
  }
}

/** Images u8 [N, 1, H, W] -> logits [N, classes]. `channels`: those of the 5x5 stem, then those of each `BnLayer`. */
class ConvBnNet extends Module<Tensor, Tensor> {
  readonly stem: Conv2d;
  readonly layers: readonly BnLayer[];
  readonly pool = new AdaptiveMaxPool2d(1);
  readonly head: Linear;

  constructor(channels: readonly [number, ...number[]], classes: number) {
    super();
    this.stem = new Conv2d(1, channels[0], { kernelSize: 5, padding: 2 });
    this.layers = channels.slice(1).map((size, i) => new BnLayer(channels[i]!, size));
    this.head = new Linear(channels.at(-1)!, classes);
  }

  forward(images: Tensor): Tensor {
    let x = this.stem.call(normalize(this.training ? flipSome(images) : images));
    for (const layer of this.layers) x = layer.call(x);
    return this.head.call(this.pool.call(x).flatten(1));
  }
}

/** Bytes to numbers of mean 0 and deviation 1 over the training set. */
const normalize = (images: Tensor) => images.cast("f32").sub(72.94).div(90.02);

/** Every other image, at random, mirrored: a shoe may point either way. */
const flipSome = (images: Tensor) => images.flip(3).where(rand([images.shape[0]!, 1, 1, 1]).lt(0.5), images);

/** One cycle (Smith, 2018): up from lr / 25 over 30 % of the steps, down to almost nothing over the rest, along cosines. */
function oneCycle(at: number, lr: number): number {
  const bend = (from: number, to: number, share: number) => from + ((to - from) * (1 - Math.cos(Math.PI * share))) / 2;
  return at < 0.3 ? bend(lr / 25, lr, at / 0.3) : bend(lr, lr / 1e4, (at - 0.3) / 0.7);
}

function dataset({ images, labels }: LabelledImages, limit: number) {
  const rows = Math.min(limit, labels.shape[0]!);
  const [height, width] = [images.shape[1]!, images.shape[2]!];
  return new ArrayDataset({
    x: { data: images.data.subarray(0, rows * height * width), shape: [1, height, width] },
    y: { data: labels.data.subarray(0, rows) },
  });
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      epochs: { type: "string", default: "5" },
      batch: { type: "string", default: "128" },
      seed: { type: "string", default: "0" },
      backend: { type: "string" },
      threads: { type: "string" },
      limit: { type: "string" },
    },
  });
  const { data } = values;
  if (data === undefined)
    throw new Error(
      "Where are the pictures? Pass --data DIR: the folder with train-images-idx3-ubyte and its three companions (Debian's package dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist).",
    );
  const backend = (["native", "wasm"] as const).find((name) => name === values.backend);
  if (values.backend !== backend) throw new Error(`--backend is ${values.backend}, expected native or wasm.`);
  const whole = (name: "epochs" | "batch" | "seed" | "threads" | "limit", least: number) => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text) || Number(text) < least)
      throw new Error(`--${name} is ${text}, expected a whole number of at least ${least}.`);
    return Number(text);
  };
  const [threads, limit] = [whole("threads", 1), whole("limit", 2)];
  return {
    data,
    backend,
    epochs: whole("epochs", 1)!,
    batch: whole("batch", 2)!,
    seed: whole("seed", 0)!,
    threads,
    limit: limit ?? Infinity,
  };
}

async function main(): Promise<void> {
  const { data, epochs, batch, seed, backend, threads, limit } = readOptions();
  const files = readIdxFolder(data);
  const device = use(await openCpu({ ...(backend && { backend }), ...(threads !== undefined && { threads }) }));
  manualSeed(seed);
  const [train, test] = [dataset(files.train, limit), dataset(files.test, limit)];
  const model = new ConvBnNet([10, 20, 40, 80, 160], 10);
  console.log(
    `${train.length} training and ${test.length} test images on ${device.name}, batches of ${batch}\n${model}\n`,
  );

  const peak = (0.1 * batch) / 64;
  const print = ({ epoch, trainLoss, validLoss, metrics, seconds }: FitRow<"accuracy">) => {
    const cells = [
      String(epoch),
      trainLoss.toFixed(4),
      validLoss!.toFixed(4),
      metrics.accuracy!.toFixed(4),
      seconds.toFixed(1),
    ];
    console.log(cells.map((cell) => cell.padStart(10)).join("  "));
  };
  console.log(
    ["epoch", "train loss", "valid loss", "accuracy", "seconds"].map((title) => title.padStart(10)).join("  "),
  );
  const start = performance.now();
  const rows = await fit(
    model,
    {
      train: new DataLoader(train, { batchSize: batch, shuffle: true, dropLast: train.length >= batch, seed }),
      valid: new DataLoader(test, { batchSize: 250 }),
    },
    {
      epochs,
      optimizer: sgd({ lr: peak, momentum: 0.9, weightDecay: 5e-4 }),
      loss: crossEntropy,
      metrics: { accuracy },
      onBatch: ({ step, steps, optimizer }) => {
        optimizer.lr = oneCycle(step / steps, peak);
      },
      onEpoch: print,
    },
  );
  const seconds = Number(((performance.now() - start) / 1000).toFixed(1));
  const figures = {
    example: "fashion-mnist",
    test_accuracy: Number(rows.at(-1)!.metrics.accuracy!.toFixed(4)),
    epochs,
    seconds,
    backend: device.name,
    seed,
    train: train.length,
    test: test.length,
  };
  console.log(`\n${JSON.stringify(figures)}`);
  await device.close();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
