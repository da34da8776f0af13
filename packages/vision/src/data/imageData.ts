import { hostGenerator, type Tensor, TensorError } from "@fai/tensor";
import type { FitData } from "@fai/train";
import { type ImageStats, imagenetStats } from "../models/normalize.js";
import { type AugmentOptions, augmentation } from "./augment.js";
import { defaultPixelLimit, type ResizeMode } from "./decode.node.js";
import { counted, ImageDataError, type SkippedPicture, someOf } from "./imageDataError.js";
import { ImageDataset, type ImageDatasetOptions } from "./imageDataset.js";
import { type ImageFolderOptions, scanImageFolder } from "./imageFolder.node.js";
import { type ImageLists, splitLists } from "./imageLists.js";
import { ImageLoader } from "./imageLoader.js";
import type { LabelledImage } from "./labelledImages.js";
import { PictureCache } from "./pictureCache.js";
import { findBadImages } from "./verify.node.js";

/** Options of `ImageData`. */
export interface ImageDataOptions {
  /** Side of the square that every picture becomes, in pixels (224). */
  size?: number;
  /** How a picture becomes a square ("crop": its middle; "squish"; "pad" with white). */
  mode?: ResizeMode;
  /** Pictures of a batch (64). */
  batchSize?: number;
  /** Pictures of a batch in validation (twice `batchSize`). */
  validBatchSize?: number;
  /** Random changes of the training pictures: flips, shifts and crops (none). */
  augment?: AugmentOptions;
  /** What pictures are normalized with (ImageNet's). */
  stats?: ImageStats;
  /** Whether pictures that cannot be read are an error that names them, or are left out and listed in `skipped` ("error"). */
  onBad?: "error" | "skip";
  /** How pictures are checked before training: their headers and endings, every pixel, or not at all ("header"). */
  verify?: "header" | "decode" | false;
  /** Pictures with more pixels are bad (`defaultPixelLimit`). */
  pixelLimit?: number;
  /** Whether decoded pictures stay in memory after the first epoch: as many as the budget holds, all, or none ("auto"). */
  cache?: "auto" | boolean;
  /** The budget of `cache: "auto"` (1 GiB). */
  cacheBudgetBytes?: number;
  /** Decides the order and the random changes (drawn, so that `manualSeed` decides), and with `validShare` the split (42). */
  seed?: number;
  /** Whether a last batch that is not full is left out of training (only one of a single picture, which batch norm refuses). */
  dropLast?: boolean;
  /** Batches that are made ready while the model works (2). */
  prefetch?: number;
}

/** Options of `ImageData.fromFolder`. */
export interface FromFolderOptions extends ImageDataOptions, ImageFolderOptions {}

/** Options of `ImageData.fromLists`. */
export interface FromListsOptions extends ImageDataOptions {
  /** Share of each class that is held out for validation when there is no list of it (0.2). */
  validShare?: number;
}

/** What `ImageData` is made of. */
interface ImageSource {
  readonly name: string;
  readonly classes: readonly string[];
  readonly train: readonly LabelledImage[];
  readonly valid: readonly LabelledImage[];
  readonly test: readonly string[];
  readonly notices: readonly string[];
}

/**
 * Pictures with classes, to train on and to measure on. Batches are x: f32 [N, 3, size, size] and y: i32 [N]; pictures go to
 * the device as bytes and are normalized there. Random changes are made on the bytes while a batch is put together: whole
 * pixels are moved, none is interpolated twice. (Rotation, warping and lighting come as one step on the device later.)
 */
export class ImageData implements FitData<Tensor, Tensor> {
  /** Names of the classes, by index. */
  readonly classes: readonly string[];
  readonly train: ImageLoader;
  readonly valid: ImageLoader;
  /** Pictures without classes, when there are any; their y is -1. */
  readonly test: ImageLoader | undefined;
  readonly trainSet: ImageDataset;
  readonly validSet: ImageDataset;
  readonly testSet: ImageDataset | undefined;
  /** Pictures that were left out because they cannot be read; it grows when one turns up in training. */
  readonly skipped: readonly SkippedPicture[];
  /** What is odd about the data and no error: a sentence each. */
  readonly notices: readonly string[];
  /** Side of the pictures, in pixels. */
  readonly size: number;
  readonly mode: ResizeMode;
  readonly stats: ImageStats;

  private constructor(
    { classes, train, valid, test, notices }: ImageSource,
    skipped: SkippedPicture[],
    options: ImageDataOptions,
  ) {
    const {
      size = 224,
      mode = "crop",
      batchSize = 64,
      validBatchSize = 2 * batchSize,
      augment,
      stats = imagenetStats,
      onBad = "error",
    } = options;
    const { pixelLimit = defaultPixelLimit, cache = "auto", cacheBudgetBytes = 2 ** 30, prefetch = 2 } = options;
    if (!(Number.isInteger(size) && size >= 1))
      throw new TensorError("ImageData", `size is ${size}, expected a whole number of pixels.`);
    const seed = options.seed ?? hostGenerator().bits();
    const budget = cache === "auto" ? cacheBudgetBytes : cache ? Number.POSITIVE_INFINITY : 0;
    const plain: ImageDatasetOptions = {
      size,
      mode,
      stats,
      pixelLimit,
      onBad,
      skipped,
      cache: budget > 0 ? new PictureCache(budget) : undefined,
      augment: undefined,
    };
    this.classes = classes;
    this.notices = notices;
    this.skipped = skipped;
    this.size = size;
    this.mode = mode;
    this.stats = stats;
    this.trainSet = new ImageDataset(train, { ...plain, augment: augment && augmentation(augment, { size, seed }) });
    this.validSet = new ImageDataset(valid, plain);
    this.testSet =
      test.length > 0
        ? new ImageDataset(
            test.map((path) => ({ path, label: -1 })),
            plain,
          )
        : undefined;
    const dropLast = options.dropLast ?? (train.length > batchSize && train.length % batchSize === 1);
    const measured = { batchSize: validBatchSize, prefetch };
    this.train = new ImageLoader(this.trainSet, { batchSize, shuffle: true, dropLast, prefetch, seed });
    this.valid = new ImageLoader(this.validSet, measured);
    this.test = this.testSet && new ImageLoader(this.testSet, measured);
  }

  /**
   * The pictures of `path/train/CLASS/*` and `path/valid/CLASS/*`, or of `path/CLASS/*` with a share held out (see
   * `scanImageFolder`). They are checked first, so that a bad one costs no training. Throws an ImageDataError otherwise.
   */
  static async fromFolder(path: string, options: FromFolderOptions = {}): Promise<ImageData> {
    const folder = scanImageFolder(path, options);
    const others = [...folder.others].map(([extension, n]) => `${n} ${extension || "without extension"}`);
    const passedOver = others.length > 0 ? [`Files that are no pictures by their extension: ${someOf(others)}.`] : [];
    return ImageData.checked({ ...folder, notices: [...folder.notices, ...passedOver], name: path }, options);
  }

  /** Listed pictures, each with the name of its class: `{ train: [{ path, label: "cat" }], valid: [...] }`. */
  static async fromLists(lists: ImageLists, options: FromListsOptions = {}): Promise<ImageData> {
    return ImageData.checked({ ...splitLists(lists, options), name: "the list" }, options);
  }

  private static async checked(source: ImageSource, options: ImageDataOptions): Promise<ImageData> {
    const { verify = "header", onBad = "error", pixelLimit } = options;
    if (verify === false) return new ImageData(source, [], options);
    const paths = [...source.train, ...source.valid].map(({ path }) => path).concat(source.test);
    const bad = await findBadImages(paths, { depth: verify, ...(pixelLimit !== undefined && { pixelLimit }) });
    if (bad.length > 0 && onBad === "error") throw badPictures(bad, paths.length);
    const names = new Set(bad.map(({ path }) => path));
    const good = <T extends { path: string }>(images: readonly T[]) => images.filter((image) => !names.has(image.path));
    const left = {
      ...source,
      train: good(source.train),
      valid: good(source.valid),
      test: source.test.filter((path) => !names.has(path)),
    };
    checkLeft(left, bad);
    return new ImageData(left, bad, options);
  }

  /** Pictures of each class, by set. */
  get counts(): { readonly train: readonly number[]; readonly valid: readonly number[] } {
    const count = (images: readonly LabelledImage[]) => {
      const counts = this.classes.map(() => 0);
      for (const { label } of images) counts[label]!++;
      return counts;
    };
    return { train: count(this.trainSet.images), valid: count(this.validSet.images) };
  }

  /** One sentence, and one for each thing that is odd. */
  toString(): string {
    const [train, valid] = [this.trainSet.length, this.validSet.length];
    const sets = `${train.toLocaleString("en-US")} to train on, ${valid.toLocaleString("en-US")} to measure on`;
    const head = `${counted(train + valid, "picture")} of ${this.classes.length} classes (${someOf(this.classes)}), ${this.size} x ${this.size}: ${sets}.`;
    const left =
      this.skipped.length > 0
        ? [
            `${counted(this.skipped.length, "picture")} left out, unreadable: ${someOf(
              this.skipped.map(({ path }) => path),
              3,
            )}.`,
          ]
        : [];
    return [head, ...left, ...this.notices].join("\n");
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

function badPictures(bad: readonly SkippedPicture[], of: number): ImageDataError {
  const lines = bad.slice(0, 10).map(({ reason }) => `\n  ${reason}`);
  const more = bad.length > lines.length ? `\n  and ${bad.length - lines.length} more` : "";
  return new ImageDataError(
    "ImageData",
    bad[0]!.path,
    `${bad.length} of ${counted(of, "picture")} cannot be used:${lines.join("")}${more}\nMend or delete them, or pass onBad: "skip" to train without them.`,
  );
}

/** Leaving pictures out must leave something of every class to train on, and something to measure on. */
function checkLeft({ name, classes, train, valid }: ImageSource, bad: readonly SkippedPicture[]): void {
  const seen = new Set(train.map(({ label }) => label));
  const gone = classes.filter((_, label) => !seen.has(label));
  const what =
    gone.length > 0
      ? `no picture of ${someOf(gone)} to train on`
      : valid.length === 0
        ? "no picture to measure on"
        : undefined;
  if (what === undefined) return;
  throw new ImageDataError(
    "ImageData",
    name,
    `without the ${counted(bad.length, "unreadable picture")} ${name} has ${what}. The first: ${bad[0]!.reason}`,
  );
}
