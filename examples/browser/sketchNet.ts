import type { Tensor } from "@fai/tensor";
import { BatchNorm2d, Conv2d, Dropout, Flatten, Linear, Module, ReLU, Sequential } from "@fai/tensor/nn";
import { loadPredictor, type Predictor } from "@fai/train";
import { size } from "./strokes.js";

/** Names the kind in a predictor's file. */
export const kind = "sketches";

/** What stands in a predictor's file beside the weights. */
export interface SketchPreparation {
  /** Names of the classes, by index. */
  readonly classes: readonly string[];
}

/** A model that looks at sketches, read from a file. */
export type SketchPredictor = Predictor<Tensor, Tensor, SketchArchitecture, SketchPreparation>;

/** What the network is built from. */
export interface SketchArchitecture {
  readonly classes: number;
  /** Channels of the first layer; each of the next two has twice as many. */
  readonly width: number;
}

/** Pictures u8 [N, size, size, 3] -> logits [N, classes]: three convolutions that halve the sides, and a linear layer. */
export class SketchNet extends Module<Tensor, Tensor> {
  readonly layers: Module<Tensor, Tensor>;

  constructor({ classes, width }: SketchArchitecture) {
    super();
    const halve = (from: number, to: number) => [
      new Conv2d(from, to, { kernelSize: 3, stride: 2, padding: 1, bias: false }),
      new BatchNorm2d(to),
      new ReLU(),
    ];
    const side = size / 8;
    this.layers = new Sequential(
      ...halve(3, width),
      ...halve(width, 2 * width),
      ...halve(2 * width, 4 * width),
      new Flatten(),
      new Dropout(0.2),
      new Linear(4 * width * side * side, classes),
    );
  }

  forward(pictures: Tensor): Tensor {
    return this.layers.call(pictures.permute(0, 3, 1, 2).cast("f32").div(128).sub(1));
  }
}

/** Reads a predictor that the page (or Node) saved. */
export function loadSketchPredictor(source: Uint8Array | string | URL): Promise<SketchPredictor> {
  return loadPredictor(source, kind, ({ architecture }) => new SketchNet(architecture));
}
