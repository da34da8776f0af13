import { Parameter } from "../cell.js";
import { TensorError } from "../errors.js";
import { cast, detach } from "../ops/convert.js";
import { eq, where } from "../ops/elementwise.js";
import { take } from "../ops/gather.js";
import { unsqueeze } from "../ops/movement.js";
import type { Tensor } from "../tensor.js";
import { normal } from "./init.js";
import { Module } from "./module.js";

/** Options of `Embedding`. */
export interface EmbeddingOptions {
  /** An index whose vector starts as zeros and is not trained. */
  paddingIndex?: number;
}

/**
 * A table of `count` vectors of `size` numbers: i32 (or u8) indices of any shape [...] -> [..., size]. weight [count, size]
 * starts standard normal. An index out of range is an error when the step runs, and no parameter changes in that step.
 */
export class Embedding extends Module<Tensor, Tensor> {
  readonly weight: Parameter;
  readonly paddingIndex: number | undefined;

  constructor(count: number, size: number, { paddingIndex }: EmbeddingOptions = {}) {
    super();
    if (paddingIndex !== undefined && !(Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < count)) {
      throw new TensorError("Embedding", `paddingIndex ${paddingIndex} is none of the ${count} indices.`);
    }
    const weight = normal([count, size]);
    if (paddingIndex !== undefined) weight.node.host[0]!.fill(0, paddingIndex * size, (paddingIndex + 1) * size);
    this.weight = new Parameter(weight);
    this.paddingIndex = paddingIndex;
  }

  forward(index: Tensor): Tensor {
    if (index.dtype !== "i32" && index.dtype !== "u8") {
      throw new TensorError(
        "Embedding",
        `indices have dtype ${index.dtype}, expected i32. Convert them with .cast("i32")?`,
      );
    }
    const at = cast(index, "i32");
    const vectors = take(this.weight, at);
    if (this.paddingIndex === undefined) return vectors;
    return where(unsqueeze(eq(at, this.paddingIndex), -1), detach(vectors), vectors);
  }

  protected override describe(): string {
    const padding = this.paddingIndex === undefined ? "" : `, paddingIndex=${this.paddingIndex}`;
    return `${this.weight.shape.join(", ")}${padding}`;
  }
}
