import type { Tensor } from "@fai/tensor";
import { type Batch, DataLoader } from "@fai/train";

/** A loader of pictures; a batch that every picture was left out of is passed over. */
export class ImageLoader extends DataLoader<Tensor, Tensor> {
  override async *batchesFrom(start: number): AsyncGenerator<Batch<Tensor, Tensor>, void, void> {
    for await (const batch of super.batchesFrom(start)) if (batch.size > 0) yield batch;
  }
}
