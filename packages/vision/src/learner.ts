import { leaf, type Tensor, TensorError } from "@fai/tensor";
import { crossEntropy, Module } from "@fai/tensor/nn";
import { accuracy, Learner, type LearnerOptions } from "@fai/train";
import { activationName } from "@fai/train/predictor";
import type { ImageData } from "./data/imageData.js";
import { predictFiles } from "./data/predictFiles.node.js";
import { Interpretation } from "./interpret.js";
import { normalize } from "./models/normalize.js";
import { type Architecture, ImagePredictor, type Prediction } from "./models/predictor.js";
import { type ShownPicture, showVerdicts } from "./showBatch.js";

/** Options of `visionLearner`: those of a Learner, with `crossEntropy` and `{ accuracy }` unless others are given. */
export type VisionLearnerOptions = Partial<LearnerOptions<Tensor, Tensor, Tensor>>;

/** A Learner of pictures: it also predicts files, saves what predicts them, and shows what it gets wrong. */
export class VisionLearner extends Learner<Tensor, Tensor, Tensor> {
  declare data: ImageData;

  constructor(
    data: ImageData,
    model: Module<Tensor, Tensor>,
    { loss = crossEntropy, metrics = { accuracy }, ...options }: VisionLearnerOptions = {},
  ) {
    super(data, model, { loss, metrics, ...options });
    checkOutput(data, model);
  }

  /** Goes on with other pictures of the same classes, as with larger ones. Throws when their number differs. */
  override setData(data: ImageData): void {
    checkOutput(data, this.model);
    super.setData(data);
  }

  /** What the model says of picture files, in their order. */
  predictFiles(paths: readonly string[]): Promise<Prediction[]> {
    return predictFiles(this.predictor(), paths);
  }

  /** The model with what it needs to look at new pictures. */
  predictor(): ImagePredictor {
    const { classes, size, mode, stats } = this.data;
    return new ImagePredictor(this.model, { classes, size, mode, stats }, activationName(this.loss));
  }

  /** Writes the model and its picture format to a file, for `ImagePredictor.load`; the old file stays until the new one is whole. */
  override async savePredictor(path: string): Promise<void> {
    await this.predictor().save(path);
  }

  /** What the model gets right and wrong on the validation set; verdicts have the indices of `data.validSet`. */
  async interpret(): Promise<Interpretation> {
    const { values, targets } = await this.predictAll();
    const labels = await Promise.all(targets.map((target) => target.data<"i32">()));
    return new Interpretation({
      probabilities: values,
      targets: labels.flatMap((part) => [...part]),
      classes: this.data.classes,
      indices: this.data.validSet.readable,
    });
  }

  /** The pictures of the validation set that the model is most wrong about, for `pictureSheet` of @fai/plot. */
  async showMostWrong(count = 12): Promise<ShownPicture[]> {
    return showVerdicts(this.data.validSet, (await this.interpret()).mostWrong(count));
  }
}

/**
 * A Learner for pictures: `visionLearner(data, resnet18)`. An architecture is asked for a model of as many classes as the data
 * has; a model that was made before must have as many. Throws when it has not, or does not take pictures of this size.
 */
export function visionLearner(
  data: ImageData,
  model: Module<Tensor, Tensor> | Architecture,
  options: VisionLearnerOptions = {},
): VisionLearner {
  const made = model instanceof Module ? model : model({ classes: data.classes.length });
  return new VisionLearner(data, made, options);
}

/** Lets two pictures through the model, which builds a graph and computes nothing: its shape tells what would go wrong. */
function checkOutput({ size, stats, classes }: ImageData, model: Module<Tensor, Tensor>): void {
  const modes = model.modules().map((module) => [module, module.training] as const);
  try {
    const picture = leaf(new Uint8Array(2 * size * size * 3), [2, size, size, 3], "u8");
    const { shape } = model.eval().call(normalize(picture, stats));
    if (shape.length === 2 && shape[1] === classes.length) return;
    throw new TensorError(
      "visionLearner",
      `the model gives [${["N", ...shape.slice(1)].join(", ")}], and the data has ${classes.length} classes. Make it with { classes: data.classes.length }, or pass the architecture itself.`,
    );
  } finally {
    for (const [module, training] of modes) module.training = training;
  }
}
