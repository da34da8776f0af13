import { concat, type Tensor, TensorError } from "@fai/tensor";
import {
  BatchNorm1d,
  Dropout,
  Embedding,
  kaimingNormal,
  Linear,
  Module,
  ReLU,
  Sequential,
  truncatedNormal,
  uniform,
} from "@fai/tensor/nn";

/** A batch of prepared rows: codes i32 [N, columns] and numbers f32 [N, columns]; a model without such columns has no such field. */
export interface TabularInput {
  readonly cats?: Tensor;
  readonly conts?: Tensor;
}

/** What a model must know of the data: `TabularPrep` has it. */
export interface TabularShape {
  /** Codes of each column of codes, 0 (missing and unseen) included. */
  readonly cardinalities: readonly number[];
  /** Names of the columns of numbers. */
  readonly contNames: readonly string[];
  /** Numbers or classes that the model gives. */
  readonly outputs: number;
}

/**
 * Which library's model it is: its embedding sizes, initial numbers and order of layers. "lesson3" (fastai 0.7): [Linear, ReLU, batch norm
 * when asked, dropout] a layer. "v1": [batch norm, dropout, Linear, ReLU], the first without batch norm, under v1's names, so that its
 * checkpoints load. "v2": the same with each layer in a group of its own and Linears without bias behind batch norms.
 */
export type TabularLayout = "lesson3" | "v1" | "v2";

/** Options of `TabularModel`. */
export interface TabularModelOptions {
  /** Sizes of the hidden layers ([200, 100]). */
  layers?: readonly number[];
  /** "lesson3" */
  layout?: TabularLayout;
  /** Lengths of the vectors of each column of codes (by the layout's rule, see `embeddingSize`). */
  embeddingSizes?: readonly number[];
  /** Dropout of the vectors (0). */
  embeddingDropout?: number;
  /** Dropout of each layer (0): one number for all, or one for each. */
  dropout?: number | readonly number[];
  /** Batch norms between the layers (lesson3: false; v1 and v2: true). Numbers pass one in any case. */
  batchNorm?: boolean;
  /** Squeezes outputs between these by a sigmoid (none); lesson 3 takes 0 and 1.2 times the largest target. */
  yRange?: readonly [low: number, high: number];
}

/** The length of a column's vectors by its number of codes: min(50, (c+1)/2) in lesson 3, min(600, 1.6 c^0.56) since v1. */
export function embeddingSize(cardinality: number, layout: TabularLayout = "lesson3"): number {
  if (layout === "lesson3") return Math.min(50, Math.floor((cardinality + 1) / 2));
  return Math.min(600, Math.round(1.6 * cardinality ** 0.56));
}

/**
 * Tables in, numbers or class scores [N, outputs] out: each code becomes a vector, these and the batch-normed numbers go through a network
 * (Guo and Berkhahn, "Entity embeddings of categorical variables", 2016). Names of parameters are fastai's.
 */
export class TabularModel extends Module<TabularInput, Tensor> {
  readonly embeds: readonly Embedding[];
  readonly embDrop: Dropout;
  readonly bnCont: BatchNorm1d | undefined;
  readonly layers: Module<Tensor, Tensor>;
  readonly yRange: readonly [number, number] | undefined;
  /** What it was made with, every value filled in: with the same shape, it makes such a model again. */
  readonly options: Readonly<TabularModelOptions>;
  private readonly contCount: number;

  constructor({ cardinalities, contNames, outputs }: TabularShape, options: TabularModelOptions = {}) {
    super();
    const { layers = [200, 100], layout = "lesson3", embeddingDropout = 0, dropout = 0, yRange } = options;
    const { embeddingSizes = cardinalities.map((c) => embeddingSize(c, layout)), batchNorm = layout !== "lesson3" } =
      options;
    const dropouts = typeof dropout === "number" ? layers.map(() => dropout) : dropout;
    if (embeddingSizes.length !== cardinalities.length)
      throw new TensorError(
        "TabularModel",
        `${embeddingSizes.length} embedding sizes for ${cardinalities.length} columns of codes.`,
      );
    if (dropouts.length !== layers.length)
      throw new TensorError(
        "TabularModel",
        `${dropouts.length} dropouts for ${layers.length} layers: give one for each, or one number for all.`,
      );
    if (outputs < 1) throw new TensorError("TabularModel", "there is nothing to predict. Fit the prep with a target.");
    this.embeds = cardinalities.map((count, i) => startedEmbedding(count, embeddingSizes[i]!, layout));
    this.embDrop = new Dropout(embeddingDropout);
    this.contCount = contNames.length;
    this.bnCont = contNames.length > 0 ? new BatchNorm1d(contNames.length) : undefined;
    const sizes = [embeddingSizes.reduce((sum, size) => sum + size, 0) + contNames.length, ...layers, outputs];
    this.layers =
      layout === "lesson3"
        ? lesson3Layers(sizes, dropouts, batchNorm)
        : fastaiLayers(sizes, dropouts, { batchNorm, grouped: layout === "v2" });
    this.yRange = yRange;
    const filled = { layers, layout, embeddingSizes, embeddingDropout, dropout: dropouts, batchNorm };
    this.options = { ...filled, ...(yRange && { yRange }) };
  }

  forward({ cats, conts }: TabularInput): Tensor {
    const [catCount, contCount] = [cats?.shape[1] ?? 0, conts?.shape[1] ?? 0];
    if (catCount !== this.embeds.length || contCount !== this.contCount) {
      throw new TensorError(
        "TabularModel",
        `the batch has ${catCount} columns of codes and ${contCount} of numbers, the model takes ${this.embeds.length} and ${this.contCount}.`,
      );
    }
    const parts: Tensor[] = [];
    if (cats)
      parts.push(
        this.embDrop.call(
          concat(
            this.embeds.map((table, i) => table.call(cats.slice(null, i))),
            1,
          ),
        ),
      );
    if (conts) parts.push(this.bnCont!.call(conts));
    const output = this.layers.call(parts.length === 1 ? parts[0]! : concat(parts, 1));
    if (!this.yRange) return output;
    const [low, high] = this.yRange;
    return output
      .sigmoid()
      .mul(high - low)
      .add(low);
  }
}

function startedEmbedding(count: number, size: number, layout: TabularLayout): Embedding {
  const table = new Embedding(count, size);
  const bound = 2 / (size + 1);
  const shape = [count, size];
  table.weight.load(
    layout === "lesson3"
      ? uniform(shape, { low: -bound, high: bound })
      : truncatedNormal(shape, { std: 0.01, low: -0.02, high: 0.02 }),
  );
  return table;
}

/** fastai 0.7: [Linear, ReLU, batch norm?, dropout?] ..., Linear; weights by He et al. */
function lesson3Layers(
  sizes: readonly number[],
  dropouts: readonly number[],
  batchNorm: boolean,
): Module<Tensor, Tensor> {
  const linear = (i: number): Linear => {
    const layer = new Linear(sizes[i]!, sizes[i + 1]!);
    layer.weight.load(kaimingNormal(layer.weight.shape));
    return layer;
  };
  const hidden = dropouts.flatMap((p, i): Module<Tensor, Tensor>[] => [
    linear(i),
    new ReLU(),
    ...(batchNorm ? [new BatchNorm1d(sizes[i + 1]!)] : []),
    ...(p > 0 ? [new Dropout(p)] : []),
  ]);
  return new Sequential(...hidden, linear(dropouts.length));
}

/** v1 and v2: [batch norm (not in the first), dropout?, Linear, ReLU (not in the last)] ...; a layer's dropout comes before the next Linear. */
function fastaiLayers(
  sizes: readonly number[],
  dropouts: readonly number[],
  { batchNorm, grouped }: { batchNorm: boolean; grouped: boolean },
): Module<Tensor, Tensor> {
  const groups = sizes.slice(1).map((size, i): Module<Tensor, Tensor>[] => {
    const normed = batchNorm && i > 0;
    const p = i > 0 ? dropouts[i - 1]! : 0;
    return [
      ...(normed ? [new BatchNorm1d(sizes[i]!)] : []),
      ...(p > 0 ? [new Dropout(p)] : []),
      new Linear(sizes[i]!, size, { bias: !(grouped && normed) }),
      ...(i < sizes.length - 2 ? [new ReLU()] : []),
    ];
  });
  return grouped
    ? new Sequential(...groups.map((group) => new Sequential(...group)))
    : new Sequential(...groups.flat());
}
