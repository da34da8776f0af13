import { leaf, type Tensor, TensorError } from "@fai/tensor";

/** Mean and deviation of each channel of a set of pictures whose pixels go from 0 to 1. */
export interface ImageStats {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Those of ImageNet, which networks trained on it expect. */
export const imagenetStats: ImageStats = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * What networks see of pictures: u8 [N, H, W, C] -> f32 [N, C, H, W], (x / 255 - mean) / std. Bytes go to the device; turning
 * the axes costs nothing there and the arithmetic joins the first kernel that reads the pictures.
 * Throws when the pictures are no bytes or the statistics are of another number of channels.
 */
export function normalize(pictures: Tensor, { mean, std }: ImageStats = imagenetStats): Tensor {
  const { shape, dtype } = pictures;
  const channels = shape[3];
  if (dtype !== "u8" || shape.length !== 4) {
    throw new TensorError("normalize", `got ${dtype} [${shape.join(", ")}], expected pictures u8 [N, H, W, C].`);
  }
  if (mean.length !== channels || std.length !== channels || std.some((s) => !(s > 0))) {
    throw new TensorError(
      "normalize",
      `mean [${mean.join(", ")}] and std [${std.join(", ")}] are no statistics of ${channels} channels.`,
    );
  }
  const scale = leaf(
    Float32Array.from(std, (s) => 1 / (255 * s)),
    [1, channels, 1, 1],
    "f32",
  );
  const shift = leaf(
    Float32Array.from(mean, (m, i) => -m / std[i]!),
    [1, channels, 1, 1],
    "f32",
  );
  return pictures.permute(0, 3, 1, 2).cast("f32").mul(scale).add(shift);
}
