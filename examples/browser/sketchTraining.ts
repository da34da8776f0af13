import type { Tensor } from "@fai/tensor";
import { crossEntropy } from "@fai/tensor/nn";
import { accuracy, adam, type Callback, DataLoader, Learner, type PredictorParts } from "@fai/train";
import { type Sketch, SketchDataset } from "./sketchData.js";
import { kind, SketchNet } from "./sketchNet.js";

/** What a training is made of. */
export interface SketchTrainingOptions {
  /** Names of the classes, by index. */
  classes: readonly string[];
  train: readonly Sketch[];
  /** Never trained on; may be empty. */
  valid: readonly Sketch[];
  /** Decides the shuffling and the changes of pictures (0). */
  seed?: number;
}

/** A network for these classes with its data, ready to be trained: the page, its worker and Node use the same. */
export class SketchTraining {
  readonly classes: readonly string[];
  readonly architecture: { readonly classes: number; readonly width: number };
  readonly model: SketchNet;
  readonly learner: Learner<Tensor, Tensor>;

  constructor({ classes, train, valid, seed = 0 }: SketchTrainingOptions) {
    this.classes = classes;
    this.architecture = { classes: classes.length, width: 16 };
    this.model = new SketchNet(this.architecture);
    const data = {
      train: new DataLoader(new SketchDataset(train, seed), {
        batchSize: Math.min(32, train.length),
        shuffle: true,
        seed,
      }),
      ...(valid.length > 0 && { valid: new DataLoader(new SketchDataset(valid), { batchSize: 64 }) }),
    };
    this.learner = new Learner(data, this.model, { loss: crossEntropy, optimizer: adam(), metrics: { accuracy } });
  }

  /** Trains for about `steps` batches, in whole epochs, along one cycle. */
  async run(steps: number, callbacks: readonly Callback[] = []): Promise<void> {
    const epochs = Math.max(1, Math.round(steps / this.learner.data.train.length));
    await this.learner.fitOneCycle(4e-3, { epochs, callbacks });
  }

  /** What a predictor's file holds. */
  get parts(): PredictorParts {
    const { model, architecture, classes } = this;
    return { kind, model, architecture, preparation: { classes }, activation: crossEntropy };
  }
}
