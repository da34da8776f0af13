import { Generator, type Tensor, tensor } from "@fai/tensor";
import type { Batch, Dataset } from "@fai/train";
import { shapeNames, shapePicture } from "./shapes.js";
import { pictureBytes, size } from "./strokes.js";

/** A picture and its class. */
export interface Sketch {
  /** u8 [size, size, 3]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly label: number;
}

/** Pictures as batches of u8 [N, size, size, 3] with i32 [N]; in training each comes turned, moved and scaled a little, new in every epoch. */
export class SketchDataset implements Dataset<Tensor, Tensor> {
  readonly sketches: readonly Sketch[];
  private readonly seed: number | undefined;

  /** With a seed pictures are changed, without one they stay as they are. */
  constructor(sketches: readonly Sketch[], seed?: number) {
    this.sketches = sketches;
    this.seed = seed;
  }

  get length(): number {
    return this.sketches.length;
  }

  batch(index: Int32Array, epoch = 0): Batch<Tensor, Tensor> {
    const pixels = new Uint8Array(index.length * pictureBytes);
    index.forEach((row, i) => {
      const { pixels: own } = this.sketches[row]!;
      if (this.seed === undefined) pixels.set(own, i * pictureBytes);
      else varied(own, pixels.subarray(i * pictureBytes), new Generator(this.seed, 1 + epoch * this.length + row));
    });
    return {
      x: tensor(pixels, { shape: [index.length, size, size, 3] }),
      y: tensor(Int32Array.from(index, (row) => this.sketches[row]!.label)),
      size: index.length,
    };
  }
}

/** The built-in task: `count` pictures of each shape. */
export function shapeSketches(count: number, seed: number): Sketch[] {
  const generator = new Generator(seed);
  return Array.from({ length: count * shapeNames.length }, (_, i) => {
    const label = i % shapeNames.length;
    return { pixels: shapePicture(shapeNames[label]!, generator), label };
  });
}

/** Writes a picture turned by up to 12 degrees, moved by up to 2 pixels and scaled by up to 12 %; what is outside repeats the edge. */
function varied(from: Uint8Array, into: Uint8Array, generator: Generator): void {
  const between = (low: number, high: number) => low + (high - low) * generator.uniform();
  const angle = between(-0.21, 0.21);
  const scale = between(0.88, 1.12);
  const [moveX, moveY] = [between(-2, 2), between(-2, 2)];
  const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  const middle = (size - 1) / 2;
  const last = size - 1;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      // No function in this loop: it runs a hundred thousand times a batch.
      const dx = x - middle;
      const dy = y - middle;
      const sx = Math.min(last, Math.max(0, cos * dx - sin * dy + middle + moveX));
      const sy = Math.min(last, Math.max(0, sin * dx + cos * dy + middle + moveY));
      const x0 = Math.floor(sx);
      const y0 = Math.floor(sy);
      const right = x0 < last ? 3 : 0;
      const down = y0 < last ? 3 * size : 0;
      const fx = sx - x0;
      const fy = sy - y0;
      for (let c = 0; c < 3; c++) {
        const at = (y0 * size + x0) * 3 + c;
        const upper = from[at]! * (1 - fx) + from[at + right]! * fx;
        const lower = from[at + down]! * (1 - fx) + from[at + down + right]! * fx;
        into[(y * size + x) * 3 + c] = upper * (1 - fy) + lower * fy;
      }
    }
  }
}
