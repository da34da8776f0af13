/*
 * A folder of pictures in, a trained classifier and its explanation out:
 *
 *   npm run quickstart                       whose hand drew this emoji, of a thing never seen?
 *   npm run quickstart -- --data DIR         your own pictures: DIR/train/CLASS/*, DIR/valid/CLASS/*, or DIR/CLASS/*
 *   options: --backend native|wasm --threads N --seed 0 --epochs 10 --size 48 --skip-bad --out DIR
 */
import { mkdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { confusionMatrix, learningRateCurve, lossCurve, type Theme } from "@fai/plot";
import { pictureSheet, savePlot } from "@fai/plot/node";
import { manualSeed, openCpu, TensorError, use } from "@fai/tensor";
import { adam, progress } from "@fai/train";
import {
  ImageData,
  ImageDataError,
  ImagePredictor,
  predictFiles,
  showBatch,
  smallResnet,
  type VisionLearner,
  visionLearner,
} from "@fai/vision";
import { emojiFolder } from "./quickstart/emojiFolder.js";
import { stopOnInterrupt } from "./quickstart/stopOnInterrupt.js";
import { writeWhole } from "./quickstart/writeWhole.js";

const options = readOptions();

/** The network: a small residual one, for pictures of few pixels. */
const architecture = ({ classes }: { classes: number }) =>
  smallResnet({ classes, width: 24, blocks: [1, 1, 1, 1], stem: { kernelSize: 3, stride: 2, pool: false } });

async function main(): Promise<void> {
  const start = performance.now();
  const [seed, epochs, size] = [whole("seed", 0), whole("epochs", 1), whole("size", 16)];
  const base = process.env.INIT_CWD ?? process.cwd();
  const out = resolve(base, options.out);
  const backend = options.backend as "native" | "wasm" | undefined;
  const device = use(
    await openCpu({ ...(backend && { backend }), ...(options.threads && { threads: whole("threads", 1) }) }),
  );
  await mkdir(out, { recursive: true });

  const folder = options.data === undefined ? await drawnEmoji(out) : resolve(base, options.data);
  manualSeed(seed);
  const data = await ImageData.fromFolder(folder, {
    size,
    seed,
    augment: { flip: true, shift: 0.08, padding: "white" },
    onBad: options["skip-bad"] ? "skip" : "error",
  });
  console.log(`${data}\n`);
  const pictures = new Pictures(out);
  await pictures.sheet("batch", await showBatch(data), "What the network sees in training");

  const learner = visionLearner(data, architecture, { optimizer: adam({ lr: 1e-3 }) });
  const interrupt = stopOnInterrupt();
  const rows = await learner.fitOneCycle(4e-3, { epochs, callbacks: [progress(), interrupt] });
  const saved = join(out, "predictor.safetensors");
  await learner.savePredictor(saved);
  if (interrupt.interrupted) {
    console.log(
      `\nStopped. What was learned so far is saved: ${relative(base, saved)} (${rows.length} of ${epochs} epochs finished).`,
    );
    process.exitCode = 130;
    return;
  }

  const accuracy = await explain(learner, pictures);
  const unseen = data.validSet.images[0]!.path;
  const [prediction] = await predictFiles(await ImagePredictor.load(saved, architecture), [unseen]);
  console.log(
    `\nThe saved predictor looks at ${relative(base, unseen)}: ${prediction!.label}, ${(100 * prediction!.probability).toFixed(1)} %`,
  );
  console.log(`Pictures and predictor: ${relative(base, out)}/`);
  const counts = data.counts.valid;
  const figures = {
    job: "quickstart",
    accuracy,
    majority: Math.max(...counts) / counts.reduce((a, b) => a + b),
    classes: data.classes.length,
    train: data.trainSet.length,
    valid: data.validSet.length,
    skipped: data.skipped.length,
    epochs,
    seconds: Math.round((performance.now() - start) / 100) / 10,
    backend: device.name,
    seed,
    pictures: pictures.written.map((path) => relative(base, path)),
  };
  console.log(JSON.stringify(figures));
}

/** The pictures of the question, drawn once from the emoji packages. */
async function drawnEmoji(out: string): Promise<string> {
  const live = process.stdout.isTTY;
  const { path, concepts, train, valid } = await emojiFolder(join(out, "emoji"), {
    onProgress: (done, of) => {
      if (live && done % 50 === 0) process.stdout.write(`\rdrawing ${done}/${of}`);
    },
  });
  if (live) process.stdout.write("\r\x1b[K");
  console.log(
    `Whose hand drew this emoji, of a thing never seen? ${concepts} things by four designers: ${train} pictures, and ${valid} of other things.`,
  );
  return path;
}

/** What the network gets right and wrong, as pictures; returns its accuracy. */
async function explain(learner: VisionLearner, pictures: Pictures): Promise<number> {
  const found = await learner.interpret();
  const { losses, lrs, momenta, rows } = learner.history;
  await pictures.plot("loss", (theme) =>
    lossCurve({ batches: losses, valid: rows.map((row) => row.validLoss) }, { theme }),
  );
  await pictures.plot("learning-rate", (theme) => learningRateCurve({ lr: lrs, momentum: momenta }, { theme }));
  await pictures.plot("confusion", (theme) =>
    confusionMatrix(found.confusionMatrix, { classes: found.classes, theme }),
  );
  const wrong = await learner.showMostWrong(12);
  if (wrong.length > 0) await pictures.sheet("most-wrong", wrong, "Most wrong");
  for (const { truth, prediction, count } of found.mostConfused(2).slice(0, 3))
    console.log(`${count} x ${truth} taken for ${prediction}`);
  return found.accuracy;
}

/** PNG files in a folder, each in a light and a dark version. */
class Pictures {
  readonly written: string[] = [];
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async plot(name: string, spec: (theme: Theme) => Parameters<typeof savePlot>[0]): Promise<void> {
    for (const theme of ["light", "dark"] as const) await savePlot(spec(theme), this.path(name, theme));
  }

  async sheet(name: string, shown: Awaited<ReturnType<typeof showBatch>>, title: string): Promise<void> {
    for (const theme of ["light", "dark"] as const)
      await writeWhole(this.path(name, theme), await pictureSheet({ pictures: shown, theme, title }));
  }

  private path(name: string, theme: Theme): string {
    const path = join(this.folder, theme === "light" ? `${name}.png` : `${name}-dark.png`);
    this.written.push(path);
    return path;
  }
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        data: { type: "string" },
        backend: { type: "string" },
        threads: { type: "string" },
        seed: { type: "string", default: "0" },
        epochs: { type: "string", default: "10" },
        size: { type: "string", default: "48" },
        out: { type: "string", default: "out/quickstart" },
        "skip-bad": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    console.error(
      `[quickstart] ${(error as Error).message}\nOptions: --data DIR --backend native|wasm --threads N --seed N --epochs N --size N --skip-bad --out DIR`,
    );
    return process.exit(1);
  }
}

function whole(name: "seed" | "epochs" | "size" | "threads", least: number): number {
  const value = Number(options[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw new TensorError("quickstart", `--${name} is ${options[name]}, expected a whole number of at least ${least}.`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof TensorError || error instanceof ImageDataError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
