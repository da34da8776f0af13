import { Generator } from "@fai/tensor";
import type { ImageData } from "./data/imageData.js";
import type { ImageDataset } from "./data/imageDataset.js";
import type { Verdict } from "./interpret.js";

/** A picture with a caption: what `pictureSheet` of @fai/plot takes. */
export interface ShownPicture {
  /** Bytes, RGB, row after row. */
  readonly image: { readonly data: Uint8Array; readonly width: number; readonly height: number };
  readonly title: string;
  readonly subtitle?: string;
  /** Whether the model was right, where one was asked. */
  readonly tone?: "good" | "bad";
}

/** Options of `showBatch`. */
export interface ShowBatchOptions {
  /** How many pictures (12). */
  count?: number;
  /** From which set ("train"); those of the training set are changed as in training. */
  set?: "train" | "valid";
  /** Whose random changes are shown (0). */
  epoch?: number;
  /** Decides which pictures are shown (0). */
  seed?: number;
}

/** Some pictures as the model sees them (before normalizing), with the names of their classes. Training is not disturbed. */
export async function showBatch(
  data: ImageData,
  { count = 12, set = "train", epoch = 0, seed = 0 }: ShowBatchOptions = {},
): Promise<ShownPicture[]> {
  const dataset = set === "train" ? data.trainSet : data.validSet;
  const chosen = new Generator(seed).permutation(dataset.length).subarray(0, count);
  return Promise.all(
    Array.from(chosen, async (index) => ({
      image: await imageOf(dataset, index, epoch),
      title: data.classes[dataset.images[index]!.label]!,
    })),
  );
}

/** The pictures of a set that verdicts are about: as title what was predicted and how surely, below it what is true. */
export function showVerdicts(dataset: ImageDataset, verdicts: readonly Verdict[]): Promise<ShownPicture[]> {
  return Promise.all(
    verdicts.map(async ({ index, truth, prediction, probability }) => ({
      image: await imageOf(dataset, index, 0),
      title: `${prediction} ${percent(probability)}`,
      subtitle: truth === prediction ? "right" : `is ${truth}`,
      tone: truth === prediction ? ("good" as const) : ("bad" as const),
    })),
  );
}

async function imageOf(dataset: ImageDataset, index: number, epoch: number): Promise<ShownPicture["image"]> {
  const { size } = dataset.options;
  return { data: await dataset.picture(index, epoch), width: size, height: size };
}

/** "93 %", and never "100 %" for less than all. */
function percent(share: number): string {
  return `${share < 1 ? Math.min(99, Math.round(share * 100)) : 100} %`;
}
