import { Generator } from "@fai/tensor";
import { ImageDataError, someOf } from "./imageDataError.js";

/** A picture and its class, as an index into the classes. */
export interface LabelledImage {
  readonly path: string;
  readonly label: number;
}

/** Class names and the paths of their pictures; both in order. */
export type Classes = ReadonlyMap<string, readonly string[]>;

/** Pictures to train on and to measure on. */
export interface Split {
  /** Names, in code-unit order. */
  readonly classes: readonly string[];
  readonly train: readonly LabelledImage[];
  readonly valid: readonly LabelledImage[];
  /** Classes that the validation set shows nothing of. */
  readonly unseen: readonly string[];
}

/** Splits draw apart from initializers, shuffles and augmentation. */
const domain = 0x30000;

/** Pictures that are divided already. `valid` has no class that `train` lacks. */
export function given(train: Classes, valid: Classes): Split {
  const classes = [...train.keys()].sort();
  const unseen = classes.filter((name) => (valid.get(name) ?? []).length === 0);
  return { classes, train: labelled(train, classes), valid: labelled(valid, classes), unseen };
}

/**
 * Holds a share of each class out, at random but the same for the same seed; both parts keep their order. Of two or more
 * pictures at least one is held out and at least one is kept; a single one is kept. Throws when none is left to hold out.
 */
export function heldOut(all: Classes, { share, seed, source }: { share: number; seed: number; source: string }): Split {
  const kept = new Map<string, string[]>();
  const held = new Map<string, string[]>();
  for (const [stream, name] of [...all.keys()].sort().entries()) {
    const paths = all.get(name)!;
    const n = paths.length;
    const count = n < 2 ? 0 : Math.min(n - 1, Math.max(1, Math.round(n * share)));
    const chosen = new Set(new Generator(seed, domain + stream).permutation(n).subarray(0, count));
    kept.set(
      name,
      paths.filter((_, i) => !chosen.has(i)),
    );
    held.set(
      name,
      paths.filter((_, i) => chosen.has(i)),
    );
  }
  const split = given(kept, held);
  if (split.valid.length > 0) return split;
  throw new ImageDataError(
    "validShare",
    source,
    `${source} has one picture of each class: there is none to hold out for validation. Add pictures.`,
  );
}

/** The classes that both sets have in order. Throws when there are fewer than two, or `valid` has one that `train` lacks. */
export function checkClasses(train: Classes, valid: Classes | undefined, source: string): void {
  const unknown = [...(valid?.keys() ?? [])].filter((name) => !train.has(name));
  if (unknown.length > 0) {
    const [which, them] = unknown.length === 1 ? ["the class", "it"] : ["the classes", "them"];
    throw new ImageDataError(
      "classes",
      source,
      `${source} has ${which} ${someOf(unknown)} in the validation set only; the training set has ${someOf([...train.keys()])}. Add training pictures of ${them}, or leave ${them} out.`,
    );
  }
  if (train.size > 1) return;
  const [name] = train.keys();
  const found = name === undefined ? "no pictures to train on" : `one class only, ${name}`;
  throw new ImageDataError(
    "classes",
    source,
    `${source} has ${found}. A classifier tells at least two classes apart: add pictures of something else.`,
  );
}

/** Throws unless `share` is undefined or a share that leaves something on both sides. */
export function checkShare(share: number | undefined, source: string): void {
  if (share === undefined || (share > 0 && share < 1)) return;
  throw new ImageDataError("validShare", source, `validShare is ${share}, expected a share above 0 and below 1.`);
}

function labelled(of: Classes, classes: readonly string[]): LabelledImage[] {
  return classes.flatMap((name, label) => (of.get(name) ?? []).map((path) => ({ path, label })));
}
