/** @fai/train/predictor: models in files, ready to predict. It trains nothing and runs in browsers; every domain's predictors stand on it. */
import { type Tensor, TensorError } from "@fai/tensor";
import {
  decodeSafetensors,
  encodeSafetensors,
  loadStateDict,
  type SafetensorsContent,
  stateDict,
} from "@fai/tensor/io";
import type { AnyModule, Module } from "@fai/tensor/nn";
import { fetchTensors, writeTensors } from "#storage";
import { type Activation, activate, activationName, isActivation } from "./lossActivation.js";

export { type Activation, activate, activationName } from "./lossActivation.js";

/** What stands in a predictor's file beside the weights: all that is needed to make the model again and to feed it. */
export interface PredictorInfo<A = unknown, P = unknown> {
  /** Which domain's, and so who may read it: `vision`, `tabular`, `text`, `collab`, or a name of one's own. */
  readonly kind: string;
  /** Plain data from which the model is built again: sizes, names. */
  readonly architecture: A;
  /** Plain data with which inputs are prepared: classes, table preparation, vocabulary and tokenizer, id maps. */
  readonly preparation: P;
}

/** Where a predictor is read from: its bytes, a path (in Node), or an address. */
export type PredictorSource = Uint8Array | string | URL;

/** What to save: the model and what belongs to it. */
export interface PredictorParts<A = unknown, P = unknown> extends PredictorInfo<A, P> {
  readonly model: AnyModule;
  /** What makes predictions of outputs: the loss that the model was trained with, or its name (the output as it is). */
  readonly activation?: Activation | ((output: never, target: never) => Tensor);
}

/** A model read from a predictor's file, ready to predict. */
export interface Predictor<X, O, A = unknown, P = unknown> extends PredictorInfo<A, P> {
  readonly model: Module<X, O>;
  readonly activation: Activation;
  /** Predictions for a batch of prepared inputs: probabilities where the model gives logits. */
  predict(x: X): Promise<Tensor>;
}

const version = "1";

/** The bytes of a predictor's file: weights, states and preparation in one safetensors file. Throws on data that JSON would change. */
export async function encodePredictor(parts: PredictorParts): Promise<Uint8Array> {
  return encodeSafetensors(await stateDict(parts.model), { metadata: metadataOf(parts) });
}

/** Writes a predictor's file, whole or not at all. */
export async function savePredictor(path: string, parts: PredictorParts): Promise<void> {
  await writeTensors(path, await stateDict(parts.model), metadataOf(parts));
}

/**
 * Reads a predictor from its bytes, a path or an address, on any device and in browsers. `build` makes the model of the file's
 * architecture; its weights are then the file's. Throws when the file is of another kind, or of another model.
 */
export async function loadPredictor<X, O, A = unknown, P = unknown>(
  source: PredictorSource,
  kind: string,
  build: (info: PredictorInfo<A, P>) => Module<X, O>,
): Promise<Predictor<X, O, A, P>> {
  const content = source instanceof Uint8Array ? decodeSafetensors(source) : await fetchTensors(source);
  const info = readInfo<A, P>(content, kind);
  const activation = content.metadata["fai.activation"];
  if (!isActivation(activation)) {
    throw new TensorError(
      "loadPredictor",
      `the file names the activation ${activation}, which this library does not know.`,
    );
  }
  const model = build(info);
  loadStateDict(model, content.tensors);
  model.eval();
  return {
    ...info,
    model,
    activation,
    predict: async (x) => {
      model.eval();
      const values = activate(activation, model.call(x));
      await values.data();
      return values;
    },
  };
}

function metadataOf({ kind, architecture, preparation, activation = "none" }: PredictorParts): Record<string, string> {
  return {
    "fai.predictor": version,
    "fai.kind": kind,
    "fai.activation": typeof activation === "string" ? activation : activationName(activation),
    "fai.architecture": plainJson("architecture", architecture),
    "fai.preparation": plainJson("preparation", preparation),
  };
}

function readInfo<A, P>({ metadata }: SafetensorsContent, kind: string): PredictorInfo<A, P> {
  const found = metadata["fai.predictor"];
  if (found === undefined)
    throw new TensorError(
      "loadPredictor",
      "the file holds weights, but no predictor. Was it written by learner.save()?",
    );
  if (found !== version)
    throw new TensorError("loadPredictor", `the file has version ${found}, this library reads ${version}.`);
  if (metadata["fai.kind"] !== kind) {
    throw new TensorError(
      "loadPredictor",
      `the file is a predictor of kind ${metadata["fai.kind"]}, expected ${kind}.`,
    );
  }
  return {
    kind,
    architecture: JSON.parse(metadata["fai.architecture"]!) as A,
    preparation: JSON.parse(metadata["fai.preparation"]!) as P,
  };
}

/** JSON drops functions and undefined, and turns Maps, typed arrays and NaN into something else: refused, so that nothing is lost. */
function plainJson(what: string, value: unknown): string {
  const visit = (path: string, at: unknown): void => {
    const isPlain =
      at === null ||
      typeof at === "string" ||
      typeof at === "boolean" ||
      (typeof at === "number" && Number.isFinite(at));
    if (isPlain) return;
    const prototype: unknown = typeof at === "object" ? Object.getPrototypeOf(at) : undefined;
    if (!Array.isArray(at) && prototype !== Object.prototype && prototype !== null) {
      const given = typeof at === "number" ? String(at) : ((at as object | undefined)?.constructor?.name ?? typeof at);
      throw new TensorError(
        "savePredictor",
        `${path} is ${given}, which is no plain data. Use numbers, texts, lists and records.`,
      );
    }
    for (const [key, item] of Object.entries(at as object)) visit(`${path}.${key}`, item);
  };
  visit(what, value);
  return JSON.stringify(value);
}
