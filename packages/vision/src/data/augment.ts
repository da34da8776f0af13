import { Generator, TensorError } from "@fai/tensor";
import type { Region } from "./decode.node.js";

/** Options of random changes to training pictures; none unless asked for. */
export interface AugmentOptions {
  /** Whether half of the pictures are mirrored left to right, or the share that is (0). Not for text or digits. */
  flip?: boolean | number;
  /** The same upside down (0): for pictures from above. */
  flipVertical?: boolean | number;
  /** The farthest that pictures move in each direction, as a share of their side (0). They move by whole pixels. */
  shift?: number;
  /** What fills the border that a shift uncovers: the picture mirrored, its last row or column, or white ("reflect"). */
  padding?: Padding;
  /** A random part of the picture, stretched to the whole: `true`, or how large. Read from the file anew each time. */
  crop?: boolean | CropOptions;
}

/** What fills uncovered borders. */
export type Padding = "reflect" | "replicate" | "white";

/** Options of random crops (Szegedy et al., "Going deeper with convolutions", 2014). */
export interface CropOptions {
  /** Smallest and largest share of the picture's area ([0.35, 1]). */
  area?: readonly [number, number];
  /** Narrowest and widest relation of width to height, before the stretching, relative to the picture's ([3/4, 4/3]). */
  ratio?: readonly [number, number];
}

/** What happens to one picture in one epoch. */
export interface Change {
  readonly flip: boolean;
  readonly flipVertical: boolean;
  /** Whole pixels to the right and down. */
  readonly dx: number;
  readonly dy: number;
  readonly padding: Padding;
  readonly region: Region | undefined;
}

/** The change of picture `index` in `epoch`: a pure function of the seed and these two. */
export type Augment = (index: number, epoch: number) => Change;

/** These numbers draw apart from initializers, shuffles and splits. */
const domain = 0x20000;
/** Words of random numbers that each picture has to itself; a multiple of 4. */
const words = 8;

/** Options made into a function of picture and epoch. Throws on options that make no sense. */
export function augmentation(options: AugmentOptions, { size, seed }: { size: number; seed: number }): Augment {
  const { shift = 0, padding = "reflect", crop } = options;
  const flip = probability("flip", options.flip);
  const flipVertical = probability("flipVertical", options.flipVertical);
  if (!(shift >= 0 && shift < 1))
    throw new TensorError("augment", `shift is ${shift}, expected a share of the picture's side, from 0 to below 1.`);
  const reach = Math.min(size - 1, Math.round(shift * size));
  const region = crop ? regions(crop === true ? {} : crop) : undefined;
  return (index, epoch) => {
    const random = new Generator(seed, domain + epoch);
    random.position = index * words;
    return {
      flip: random.uniform() < flip,
      flipVertical: random.uniform() < flipVertical,
      dx: random.below(2 * reach + 1) - reach,
      dy: random.below(2 * reach + 1) - reach,
      padding,
      region: region?.(random),
    };
  };
}

function probability(name: string, value: boolean | number = 0): number {
  const p = value === true ? 0.5 : Number(value);
  if (!(p >= 0 && p <= 1)) throw new TensorError("augment", `${name} is ${value}, expected a probability from 0 to 1.`);
  return p;
}

/** Draws four numbers for each region. Sides stay within the picture, so extreme ratios give a little less than the area asked for. */
function regions({ area = [0.35, 1], ratio = [3 / 4, 4 / 3] }: CropOptions): (random: Generator) => Region {
  const [small, large] = area;
  const [narrow, wide] = ratio;
  if (!(small > 0 && small <= large && large <= 1))
    throw new TensorError("augment", `crop area is [${area.join(", ")}], expected two shares, above 0 and up to 1.`);
  if (!(narrow > 0 && narrow <= wide))
    throw new TensorError(
      "augment",
      `crop ratio is [${ratio.join(", ")}], expected two numbers above 0, the smaller first.`,
    );
  return (random) => {
    const share = small + (large - small) * random.uniform();
    const bend = Math.exp(Math.log(narrow) + Math.log(wide / narrow) * random.uniform());
    const width = Math.min(1, Math.sqrt(share * bend));
    const height = Math.min(1, Math.sqrt(share / bend));
    return { width, height, left: (1 - width) * random.uniform(), top: (1 - height) * random.uniform() };
  };
}

/**
 * Copies a picture [size, size, 3] into `out` at `offset`, shifted and flipped: every pixel is copied, none is interpolated.
 * The shift comes first, so that "right" is right as seen in the file.
 */
export function copyChanged(
  picture: Uint8Array,
  out: Uint8Array,
  offset: number,
  { size, change }: { size: number; change: Change },
): void {
  const { dx, dy, flip, flipVertical, padding } = change;
  if (dx === 0 && dy === 0 && !flip && !flipVertical) {
    out.set(picture, offset);
    return;
  }
  const columns = sources(size, dx, { flip, padding });
  const rows = sources(size, dy, { flip: flipVertical, padding });
  // Columns that the shift uncovers lie on one side; all others are taken in one run, forwards or backwards.
  const uncoveredLeft = Math.max(0, flip ? -dx : dx);
  const covered = size - Math.abs(dx);
  const borders = Array.from({ length: size - covered }, (_, i) => (i < uncoveredLeft ? i : i + covered));
  for (let y = 0; y < size; y++) {
    const to = offset + y * size * 3;
    if (rows[y]! < 0) {
      out.fill(255, to, to + size * 3);
      continue;
    }
    const row = rows[y]! * size * 3;
    const from = row + columns[uncoveredLeft]! * 3;
    const start = to + uncoveredLeft * 3;
    if (flip) copyBackwards(picture, from, out, start, covered);
    else out.set(picture.subarray(from, from + covered * 3), start);
    for (const x of borders) copyPixel(picture, columns[x]! < 0 ? -1 : row + columns[x]! * 3, out, to + x * 3);
  }
}

/** `count` pixels, each next one taken from before the last. */
function copyBackwards(picture: Uint8Array, from: number, out: Uint8Array, to: number, count: number): void {
  for (const end = to + count * 3; to < end; to += 3, from -= 3) {
    out[to] = picture[from]!;
    out[to + 1] = picture[from + 1]!;
    out[to + 2] = picture[from + 2]!;
  }
}

/** One pixel; white for a negative place. */
function copyPixel(picture: Uint8Array, from: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < 3; i++) out[to + i] = from < 0 ? 255 : picture[from + i]!;
}

/** Which row or column each one of the result is taken from; -1 for white. */
function sources(size: number, move: number, { flip, padding }: { flip: boolean; padding: Padding }): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => {
    const at = (flip ? size - 1 - i : i) - move;
    if (at >= 0 && at < size) return at;
    if (padding === "white") return -1;
    if (padding === "replicate") return Math.min(size - 1, Math.max(0, at));
    return at < 0 ? -at : 2 * (size - 1) - at; // the border itself is not repeated
  });
}
