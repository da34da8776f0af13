import { leaf, type Tensor, TensorError } from "@fai/tensor";
import type { Batch, Dataset } from "@fai/train";
import { type ImageStats, normalize } from "../models/normalize.js";
import { type Augment, copyChanged } from "./augment.js";
import { decodeImage, type Region, type ResizeMode } from "./decode.node.js";
import { counted, ImageDataError, type SkippedPicture } from "./imageDataError.js";
import type { LabelledImage } from "./labelledImages.js";
import type { PictureCache } from "./pictureCache.js";
import { Turns } from "./turns.js";

/** Options of `ImageDataset`. */
export interface ImageDatasetOptions {
  /** Side of the pictures, in pixels. */
  readonly size: number;
  readonly mode: ResizeMode;
  readonly stats: ImageStats;
  /** Pictures with more pixels are refused. */
  readonly pixelLimit: number;
  /** Whether a picture that cannot be read stops the run or is left out of its batch. */
  readonly onBad: "error" | "skip";
  /** Where pictures that were left out are listed. */
  readonly skipped: SkippedPicture[];
  /** Holds decoded pictures from one epoch to the next; without it each is decoded each time. */
  readonly cache: PictureCache | undefined;
  /** Random changes; none without it. */
  readonly augment: Augment | undefined;
}

/** More than sharp has threads, so that they never wait for this one. */
const decodesAtOnce = 16;
const turns = new Turns(decodesAtOnce);

/**
 * Pictures in files. A batch is x: f32 [N, 3, size, size], uploaded as bytes and normalized on the device, and y: i32 [N], the
 * classes. Random changes depend on the seed, the epoch and the picture's place in the set, and on nothing else.
 */
export class ImageDataset implements Dataset<Tensor, Tensor> {
  readonly images: readonly LabelledImage[];
  readonly options: ImageDatasetOptions;
  private readonly bad = new Set<string>();

  constructor(images: readonly LabelledImage[], options: ImageDatasetOptions) {
    this.images = images;
    this.options = options;
  }

  /** Number of pictures. */
  get length(): number {
    return this.images.length;
  }

  /** The classes, by picture. */
  get labels(): Int32Array {
    return Int32Array.from(this.images, ({ label }) => label);
  }

  /** The indices of the pictures that no batch has left out. */
  get readable(): Int32Array {
    return Int32Array.from([...this.images.keys()].filter((i) => !this.bad.has(this.images[i]!.path)));
  }

  /**
   * The pictures at `index`; those that turn out to be unreadable are missing with `onBad: "skip"` (perhaps all of a batch: its
   * size is 0), and throw otherwise. Throws when none of the whole set can be read.
   */
  async batch(index: Int32Array, epoch: number): Promise<Batch<Tensor, Tensor>> {
    const { size, stats } = this.options;
    const bytes = size * size * 3;
    const pixels = new Uint8Array(index.length * bytes);
    const read = await Promise.all(
      Array.from(index, (i, row) => this.write(i, { epoch, out: pixels, offset: row * bytes })),
    );
    const rows = [...read.keys()].filter((row) => read[row]);
    if (this.bad.size > 0 && this.readable.length === 0) throw this.nothingLeft();
    for (const [to, from] of rows.entries()) {
      if (to !== from) pixels.copyWithin(to * bytes, from * bytes, (from + 1) * bytes);
    }
    const labels = Int32Array.from(rows, (row) => this.images[index[row]!]!.label);
    const x = leaf(pixels.subarray(0, rows.length * bytes), [rows.length, size, size, 3], "u8");
    return { x: normalize(x, stats), y: leaf(labels, [rows.length], "i32"), size: rows.length };
  }

  /** Picture `index` as a batch of `epoch` has it: bytes [size, size, 3], changed as the training set asks for. */
  async picture(index: number, epoch = 0): Promise<Uint8Array> {
    const out = new Uint8Array(this.options.size ** 2 * 3);
    const { path } = this.at(index);
    if (await this.write(index, { epoch, out, offset: 0 })) return out;
    throw new ImageDataError("picture", path, `${path} cannot be read and was left out.`);
  }

  /** Writes a picture to its place in a batch; false when it is left out. */
  private async write(
    index: number,
    { epoch, out, offset }: { epoch: number; out: Uint8Array; offset: number },
  ): Promise<boolean> {
    const { augment, size, onBad, skipped } = this.options;
    const { path } = this.at(index);
    if (this.bad.has(path)) return false;
    const change = augment?.(index, epoch);
    try {
      const picture = await this.decoded(path, change?.region);
      if (change) copyChanged(picture, out, offset, { size, change });
      else out.set(picture, offset);
      return true;
    } catch (error) {
      if (!(error instanceof ImageDataError)) throw error;
      if (onBad === "error")
        throw new ImageDataError("batch", path, `${error.problem} Or pass onBad: "skip" to leave such pictures out.`, {
          cause: error,
        });
      this.bad.add(path);
      skipped.push({ path, reason: error.problem });
      return false;
    }
  }

  /** A picture as bytes; a region is drawn anew each time, so it is never cached. */
  private async decoded(path: string, region: Region | undefined): Promise<Uint8Array> {
    const { cache, size, mode, pixelLimit } = this.options;
    const kept = region ? undefined : cache?.get(path);
    if (kept) return kept;
    const picture = await turns.run(() => decodeImage(path, { size, mode, pixelLimit, ...(region && { region }) }));
    if (!region) cache?.offer(path, picture);
    return picture;
  }

  private at(index: number): LabelledImage {
    const image = this.images[index];
    if (!image)
      throw new TensorError(
        "ImageDataset",
        `there is no picture ${index}: the set has ${counted(this.length, "picture")}.`,
      );
    return image;
  }

  private nothingLeft(): ImageDataError {
    const { path } = this.images[0]!;
    return new ImageDataError(
      "batch",
      path,
      `none of the ${counted(this.length, "picture")} can be read (the first is ${path}). Is the drive that they are on still there?`,
    );
  }
}
