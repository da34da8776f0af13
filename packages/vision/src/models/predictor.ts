import { softmax, type Tensor, TensorError } from "@fai/tensor";
import { decodeSafetensors, encodeSafetensors, loadStateDict, stateDict } from "@fai/tensor/io";
import type { Module } from "@fai/tensor/nn";
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

const key = "fai.imagePredictor";

/** A trained model with all that it needs to look at new pictures. Runs in browsers; decoding files is another's task. */
export class ImagePredictor {
  readonly model: Module<Tensor, Tensor>;
  readonly format: PictureFormat;

  constructor(model: Module<Tensor, Tensor>, format: PictureFormat) {
    this.model = model;
    this.format = format;
  }

  /** What the model says of pictures u8 [N, size, size, 3] (RGB). It is left in inference mode. */
  async predict(pictures: Tensor): Promise<Prediction[]> {
    const { classes, stats } = this.format;
    const probabilities = softmax(this.model.eval().call(normalize(pictures, stats)), -1);
    const values = await probabilities.data();
    return Array.from({ length: pictures.shape[0]! }, (_, row) => {
      const own = values.slice(row * classes.length, (row + 1) * classes.length);
      const best = own.reduce((at, p, i) => (p > own[at]! ? i : at), 0);
      return { label: classes[best]!, probability: own[best]!, probabilities: own };
    });
  }

  /** The format as it travels with the weights. */
  metadata(): Record<string, string> {
    return { [key]: JSON.stringify(this.format) };
  }

  /** The bytes of a safetensors file with the weights and the format. */
  async encode(): Promise<Uint8Array> {
    return encodeSafetensors(await stateDict(this.model), { metadata: this.metadata() });
  }

  /** The predictor that `encode` wrote, on a new model of the same architecture. Throws when the bytes are of something else. */
  static decode(bytes: Uint8Array, architecture: Architecture): ImagePredictor {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const written = metadata[key];
    if (written === undefined)
      throw new TensorError(
        "ImagePredictor",
        "these weights come without classes and picture size: they were not written by ImagePredictor.encode. Load them with loadStateDict?",
      );
    const format = JSON.parse(written) as PictureFormat;
    const model = architecture({ classes: format.classes.length });
    loadStateDict(model, tensors);
    return new ImagePredictor(model.eval(), format);
  }
}
