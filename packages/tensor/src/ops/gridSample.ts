import { TensorError } from "../errors.js";
import { leaf, specOf } from "../node.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { autocast } from "./autocast.js";
import { matmul } from "./contract.js";
import { cast, expand, real, reshape, type TensorLike } from "./convert.js";
import { add, floor, ge, le, logicalAnd, lt, mul, sub, where } from "./elementwise.js";
import { gather } from "./gather.js";
import { stack } from "./joining.js";
import { slice, transpose } from "./movement.js";
import { sum } from "./reduce.js";
import { clamp, round } from "./rounding.js";

/** Options of gridSample. */
export interface GridSampleOptions {
  /** "bilinear" weighs the four nearest pixels; "nearest" takes one ("bilinear"). */
  mode?: "bilinear" | "nearest";
  /** What lies outside the image: "zeros", or the nearest pixel of its "border" ("zeros"). */
  paddingMode?: "zeros" | "border";
  /** Whether -1 and 1 are the centers of the corner pixels, instead of their outer edges (false). */
  alignCorners?: boolean;
}

/**
 * Pixels of images x [N, C, H, W] at the places `grid` [N, H', W', 2] of (x, y) from -1 to 1 -> [N, C, H', W'], as PyTorch's
 * grid_sample. One gather reads all pixels.
 */
export function gridSample(x: TensorLike, grid: TensorLike, options: GridSampleOptions = {}): Tensor {
  const { mode = "bilinear", paddingMode = "zeros", alignCorners = false } = options;
  const image = real("gridSample", x);
  const places = real("gridSample", grid);
  const xs = specOf(image).shape;
  const gs = specOf(places).shape;
  if (xs.length !== 4 || gs.length !== 4 || gs[3] !== 2 || gs[0] !== xs[0] || xs[2] === 0 || xs[3] === 0) {
    throw new TensorError(
      "gridSample",
      `an image ${formatShape(xs)} and a grid ${formatShape(gs)}: expected [N, C, H, W] and [N, H', W', 2].`,
    );
  }
  const [n, c, h, w] = xs as [number, number, number, number];
  const count = gs[1]! * gs[2]!;
  const flat = reshape(places, [n, count, 2]);
  const pixel = (axis: 0 | 1, size: number) => {
    const at = reshape(slice(flat, null, null, [axis, axis + 1]), [n, 1, count]);
    const place = alignCorners ? mul(add(at, 1), (size - 1) / 2) : add(mul(at, size / 2), (size - 1) / 2);
    // On the border itself the gradient is 0, as PyTorch's.
    return paddingMode === "border" ? where(le(place, 0), 0, where(ge(place, size - 1), size - 1, place)) : place;
  };
  const corners = (place: Tensor, size: number) => {
    const low = mode === "nearest" ? round(place) : floor(place);
    const rest = sub(place, low);
    const cells =
      mode === "nearest"
        ? [{ at: low, weight: undefined }]
        : [
            { at: low, weight: sub(1, rest) },
            { at: add(low, 1), weight: rest },
          ];
    return cells.map(({ at, weight }) => ({
      position: cast(clamp(at, { min: 0, max: size - 1 }), "i32"),
      // Whole numbers: -1 < at < size.
      inside: paddingMode === "border" ? undefined : logicalAnd(lt(-1, at), lt(at, size)),
      weight,
    }));
  };
  const columns = corners(pixel(0, w), w);
  const rows = corners(pixel(1, h), h);
  const taps = rows.flatMap((row) => columns.map((column) => ({ row, column })));
  const index = stack(
    taps.map(({ row, column }) => add(mul(row.position, w), column.position)),
    2,
  );
  const picked = gather(
    reshape(image, [n, c, h * w]),
    2,
    expand(reshape(index, [n, 1, taps.length * count]), [n, c, taps.length * count]),
  );
  const weights = stack(
    taps.map(({ row, column }) => tapWeight(row, column, n, count)),
    2,
  );
  const sampled = sum(mul(reshape(picked, [n, c, taps.length, count]), weights), 2);
  return reshape(sampled, [n, c, gs[1]!, gs[2]!]);
}

interface Corner {
  inside: Tensor | undefined;
  weight: Tensor | undefined;
}

/** How much the pixel at a row's and a column's corner counts: [n, 1, count]. */
function tapWeight(row: Corner, column: Corner, n: number, count: number): Tensor {
  const weight =
    row.weight && column.weight ? mul(row.weight, column.weight) : expand(real("gridSample", 1), [n, 1, count]);
  return row.inside && column.inside ? where(logicalAnd(row.inside, column.inside), weight, 0) : weight;
}

/** Options of affineGrid. */
export interface AffineGridOptions {
  /** Whether -1 and 1 are the centers of the corner pixels, instead of their outer edges (false). */
  alignCorners?: boolean;
}

/** The grid [N, H, W, 2] at which gridSample applies the affine maps theta [N, 2, 3] to images of `shape` [N, C, H, W]. */
export function affineGrid(
  theta: TensorLike,
  shape: readonly number[],
  { alignCorners = false }: AffineGridOptions = {},
): Tensor {
  const map = real("affineGrid", theta);
  const ts = specOf(map).shape;
  if (shape.length !== 4 || ts.length !== 3 || ts[0] !== shape[0] || ts[1] !== 2 || ts[2] !== 3) {
    throw new TensorError(
      "affineGrid",
      `theta ${formatShape(ts)} and a shape ${formatShape(shape)}: expected [N, 2, 3] and [N, C, H, W].`,
    );
  }
  const [n, , h, w] = shape as [number, number, number, number];
  const place = (i: number, size: number) =>
    alignCorners ? (size > 1 ? (2 * i) / (size - 1) - 1 : 0) : (2 * i + 1) / size - 1;
  const base = new Float32Array(h * w * 3);
  for (let i = 0; i < h * w; i++) base.set([place(i % w, w), place(Math.floor(i / w), h), 1], 3 * i);
  // Positions need all digits.
  const grid = autocast(() => matmul(leaf(base, [1, h * w, 3], "f32"), transpose(map)), { enabled: false });
  return reshape(grid, [n, h, w, 2]);
}
