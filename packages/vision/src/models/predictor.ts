import type { Tensor } from "@fai/tensor";
import type { Module } from "@fai/tensor/nn";
import {
  type Activation,
  activate,
  encodePredictor,
  loadPredictor,
  type PredictorParts,
  type PredictorSource,
  savePredictor,
} from "@fai/train/predictor";
import { type ImageStats, normalize } from "./normalize.js";

/** Makes a model for a number of classes: `resnet18`, or `({ classes }) => smallResnet({ classes, width: 16 })`. */
export type Architecture = (options: { classes: number }) => Module<Tensor, Tensor>;

/** What a model needs to be told about pictures. */
export interface PictureFormat {
  /** Names of the classes, by index. */
  readonly classes: readonly string[];
  /** Side of the square that every picture becomes. */
  readonly size: number;
  /** How a picture becomes a square. */
  readonly mode: "crop" | "squish" | "pad";
  readonly stats: ImageStats;
}

/** What a model says of one picture. */
export interface Prediction {
  /** The class with the largest probability. */
  readonly label: string;
  readonly probability: number;
  /** Of each class, by index. */
  readonly probabilities: Float32Array;
}

const kind = "vision";

/** A trained model with all that it needs to look at new pictures. Runs in browsers; decoding files is another's task. */
export class ImagePredictor {
  readonly model: Module<Tensor, Tensor>;
  readonly format: PictureFormat;
  /** What makes probabilities of the model's outputs. */
  readonly activation: Activation;

  constructor(model: Module<Tensor, Tensor>, format: PictureFormat, activation: Activation = "softmax") {
    this.model = model;
    this.format = format;
    this.activation = activation;
  }

  /**
   * A predictor from its bytes, a path or an address, on a new model of the same architecture:
   * `ImagePredictor.load("styles.safetensors", resnet18)`. Throws when it is of something else.
   */
  static async load(source: PredictorSource, architecture: Architecture): Promise<ImagePredictor> {
    const { model, preparation, activation } = await loadPredictor<Tensor, Tensor, unknown, PictureFormat>(
      source,
      kind,
      ({ preparation: { classes } }) => architecture({ classes: classes.length }),
    );
    return new ImagePredictor(model, preparation, activation);
  }

  /** What the model says of pictures u8 [N, size, size, 3] (RGB). It is left in inference mode. */
  async predict(pictures: Tensor): Promise<Prediction[]> {
    const { classes, stats } = this.format;
    const probabilities = activate(this.activation, this.model.eval().call(normalize(pictures, stats)));
    const values = await probabilities.data();
    return Array.from({ length: pictures.shape[0]! }, (_, row) => {
      const own = values.slice(row * classes.length, (row + 1) * classes.length);
      const best = own.reduce((at, p, i) => (p > own[at]! ? i : at), 0);
      return { label: classes[best]!, probability: own[best]!, probabilities: own };
    });
  }

  /** The bytes of a predictor's file. */
  encode(): Promise<Uint8Array> {
    return encodePredictor(this.parts());
  }

  /** Writes a predictor's file (in Node); the old one stays until the new one is whole. */
  save(path: string): Promise<void> {
    return savePredictor(path, this.parts());
  }

  private parts(): PredictorParts {
    const { model, format, activation } = this;
    return { kind, model, architecture: { classes: format.classes.length }, preparation: format, activation };
  }
}
