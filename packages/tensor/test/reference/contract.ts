import type { ConvParams, PoolParams } from "../../src/backend.js";
import { contiguousStrides, type Shape, sizeOf } from "../../src/shape.js";
import { exceeds, filled, type Numbers, numbers, offsets, type ReferenceArray } from "./array.js";

/** a [..., M, K] x b [..., K, N] with equal leading axes. */
export function matmul(a: ReferenceArray, b: ReferenceArray): Numbers {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  const batch = sizeOf(a.shape.slice(0, -2));
  const out = new Float64Array(batch * m * n);
  for (let p = 0; p < batch; p++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let q = 0; q < k; q++) total += a.data[(p * m + i) * k + q]! * b.data[(p * k + q) * n + j]!;
        out[(p * m + i) * n + j] = total;
      }
    }
  }
  return out;
}

/** Calls `visit` with the offsets of every image element, weight element and result element that a convolution multiplies together. */
function eachTap(
  image: Shape,
  weight: Shape,
  result: Shape,
  params: ConvParams,
  visit: (x: number, w: number, y: number) => void,
): void {
  const [batch, channels, height, width] = image as [number, number, number, number];
  const [outs, perGroup, kh, kw] = weight as [number, number, number, number];
  const [, , rows, columns] = result as [number, number, number, number];
  const { stride, padding, dilation, groups } = params;
  const outsPerGroup = outs / groups;
  let y = 0;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outs; o++) {
      const firstChannel = Math.floor(o / outsPerGroup) * perGroup;
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++, y++) {
          let w = o * perGroup * kh * kw;
          for (let channel = 0; channel < perGroup; channel++) {
            for (let i = 0; i < kh; i++) {
              for (let j = 0; j < kw; j++, w++) {
                const row = r * stride[0] + i * dilation[0] - padding[0];
                const column = c * stride[1] + j * dilation[1] - padding[1];
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                visit(((n * channels + firstChannel + channel) * height + row) * width + column, w, y);
              }
            }
          }
        }
      }
    }
  }
}

/** The convolution of x with w, of `shape`. */
export function conv2d(x: ReferenceArray, w: ReferenceArray, shape: Shape, params: ConvParams): Numbers {
  const y = new Float64Array(sizeOf(shape));
  eachTap(x.shape, w.shape, shape, params, (i, j, k) => {
    y[k]! += x.data[i]! * w.data[j]!;
  });
  return y;
}

/** The gradient of a convolution with respect to its image, of `shape`. */
export function conv2dInput(dy: ReferenceArray, w: ReferenceArray, shape: Shape, params: ConvParams): Numbers {
  const dx = new Float64Array(sizeOf(shape));
  eachTap(shape, w.shape, dy.shape, params, (i, j, k) => {
    dx[i]! += dy.data[k]! * w.data[j]!;
  });
  return dx;
}

/** The gradient of a convolution with respect to its weight, of `shape`. */
export function conv2dWeight(x: ReferenceArray, dy: ReferenceArray, shape: Shape, params: ConvParams): Numbers {
  const dw = new Float64Array(sizeOf(shape));
  eachTap(x.shape, shape, dy.shape, params, (i, j, k) => {
    dw[j]! += x.data[i]! * dy.data[k]!;
  });
  return dw;
}

/** Calls `visit` for each pooling window: the result's offset, and the offsets of the window's elements that lie in the image. */
function eachWindow(
  image: Shape,
  result: Shape,
  { kernel, stride, padding }: PoolParams,
  visit: (y: number, inside: readonly number[]) => void,
): void {
  const [, , height, width] = image as [number, number, number, number];
  const [batch, channels, rows, columns] = result as [number, number, number, number];
  let y = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++, y++) {
        const inside: number[] = [];
        for (let i = 0; i < kernel[0]; i++) {
          for (let j = 0; j < kernel[1]; j++) {
            const row = r * stride[0] + i - padding[0];
            const column = c * stride[1] + j - padding[1];
            if (row >= 0 && row < height && column >= 0 && column < width)
              inside.push((plane * height + row) * width + column);
          }
        }
        visit(y, inside);
      }
    }
  }
}

function divisor(params: PoolParams, inside: readonly number[]): number {
  return params.countIncludePad ? params.kernel[0] * params.kernel[1] : inside.length;
}

/** The first of the largest elements at `inside` (NaN is the largest); -1 when there is none. */
function firstLargest(x: Numbers, inside: readonly number[]): number {
  let best = inside[0] ?? -1;
  for (const at of inside) if (exceeds(x[at]!, x[best]!)) best = at;
  return best;
}

/** Max or average pooling of x into `shape`. */
export function pool(x: ReferenceArray, shape: Shape, params: PoolParams): Numbers {
  const out = new Float64Array(sizeOf(shape));
  eachWindow(x.shape, shape, params, (y, inside) => {
    if (params.kind === "max") {
      const best = firstLargest(x.data, inside);
      out[y] = best < 0 ? -Infinity : x.data[best]!;
    } else {
      let total = 0;
      for (const at of inside) total += x.data[at]!;
      out[y] = total / divisor(params, inside);
    }
  });
  return out;
}

/** The gradient of pooling: dy goes to the first maximum of each window, or is shared by its elements. */
export function poolBack(x: ReferenceArray, dy: ReferenceArray, params: PoolParams): Numbers {
  const out = new Float64Array(x.data.length);
  eachWindow(x.shape, dy.shape, params, (y, inside) => {
    if (params.kind === "max") {
      const best = firstLargest(x.data, inside);
      if (best >= 0) out[best]! += dy.data[y]!;
    } else {
      for (const at of inside) out[at]! += dy.data[y]! / divisor(params, inside);
    }
  });
  return out;
}

/** Elements of x at `index` along `axis`. */
export function gather(x: ReferenceArray, index: ReferenceArray, axis: number): Numbers {
  const from = indexed("gather", x.shape, index, axis);
  return filled(x.dtype, from.length, (i) => x.data[from[i]!]!);
}

/** Zeros of `shape` with `source` added at `index` along `axis`. */
export function scatterAdd(index: ReferenceArray, source: ReferenceArray, shape: Shape, axis: number): Numbers {
  const total = numbers(source.dtype, sizeOf(shape));
  const into = indexed("scatterAdd", shape, index, axis);
  for (let i = 0; i < into.length; i++) total[into[i]!]! += source.data[i]!;
  return total;
}

/** Offsets into an array of `shape` at `index` along `axis` (an index array of equal rank); throws when one is out of range. */
function indexed(op: string, shape: Shape, index: ReferenceArray, axis: number): Int32Array {
  const strides = contiguousStrides(shape);
  const out = offsets(
    index.shape,
    strides.map((s, i) => (i === axis ? 0 : s)),
  );
  for (let i = 0; i < out.length; i++) {
    const at = index.data[i]!;
    if (at < 0 || at >= shape[axis]!)
      throw new RangeError(`[${op}] index ${at} is out of range for size ${shape[axis]}.`);
    out[i]! += at * strides[axis]!;
  }
  return out;
}

/** Values and positions of each row in order: stable, NaN largest. */
export function sort(x: ReferenceArray, descending: boolean): [Numbers, Numbers] {
  const width = x.shape.at(-1)!;
  const values = numbers(x.dtype, x.data.length);
  const positions = new Int32Array(x.data.length);
  for (let row = 0; row < x.data.length; row += width) {
    const order = Array.from({ length: width }, (_, i) => i);
    const direction = descending ? -1 : 1;
    order.sort((i, j) => {
      const a = x.data[row + i]!;
      const b = x.data[row + j]!;
      return exceeds(a, b) ? direction : exceeds(b, a) ? -direction : i - j;
    });
    order.forEach((from, to) => {
      values[row + to] = x.data[row + from]!;
      positions[row + to] = from;
    });
  }
  return [values, positions];
}
