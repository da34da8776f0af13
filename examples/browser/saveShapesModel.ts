import { savePredictor } from "@fai/train";
import { shapeNames } from "./shapes.js";
import { shapeSketches } from "./sketchData.js";
import { SketchTraining } from "./sketchTraining.js";

/** Trains a network on the built-in shapes and saves it as a predictor; says how many of other drawings it gets right, and how long it took. */
export async function saveShapesModel(path: string): Promise<{ accuracy: number; seconds: number }> {
  const start = performance.now();
  const training = new SketchTraining({
    classes: shapeNames,
    train: shapeSketches(80, 1),
    valid: shapeSketches(20, 2),
  });
  await training.run(240);
  await savePredictor(path, training.parts);
  const accuracy = training.learner.history.rows.at(-1)!.metrics.accuracy!;
  return { accuracy, seconds: (performance.now() - start) / 1000 };
}
