import { type Backend, manualSeed, tensor } from "@fai/tensor";
import { shapeNames } from "../../../examples/browser/shapes.js";
import { SketchDataset, shapeSketches } from "../../../examples/browser/sketchData.js";
import { loadSketchPredictor } from "../../../examples/browser/sketchNet.js";
import { SketchTraining } from "../../../examples/browser/sketchTraining.js";

/** What a training came to, as plain data. */
export interface Outcome {
  readonly device: string;
  readonly words: string;
  readonly losses: number[];
  /** After each epoch, on drawings never trained on, and when it ended. */
  readonly epochs: { readonly accuracy: number; readonly seconds: number }[];
  /** What a predictor from elsewhere says of some drawings, [drawings x classes]. */
  readonly predictions: number[];
  readonly seconds: number;
}

/** Trains on the built-in shapes for a fixed number of steps and asks a predictor from elsewhere: the same in Node and in a page. */
export async function trainShapes(backend: Backend, words: string, predictor: string): Promise<Outcome> {
  manualSeed(0);
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const training = new SketchTraining({
    classes: shapeNames,
    train: shapeSketches(40, 1),
    valid: shapeSketches(20, 2),
  });
  const ends: number[] = [];
  await training.run(48, [{ afterEpoch: () => void ends.push(seconds()) }]);
  const { losses, rows } = training.learner.history;
  const taken = seconds();
  return {
    device: backend.name,
    words,
    losses,
    epochs: rows.map(({ metrics }, i) => ({ accuracy: metrics.accuracy!, seconds: ends[i]! })),
    predictions: await predictShapes(predictor),
    seconds: taken,
  };
}

/** What a predictor (a file in base 64) says of twelve drawings. */
async function predictShapes(file: string): Promise<number[]> {
  const { predict } = await loadSketchPredictor(Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)));
  const { x } = new SketchDataset(shapeSketches(2, 3)).batch(Int32Array.from({ length: 12 }, (_, i) => i));
  return [...(await (await predict(tensor(await x.data(), { shape: x.shape }))).data())];
}
