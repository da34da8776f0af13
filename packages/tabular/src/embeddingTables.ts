import { TensorError } from "@fai/tensor";
import { PCA } from "ml-pca";
import { type Table, tableOf } from "./arrow.js";
import type { CategoryValue } from "./categories.js";
import type { TabularPredictor } from "./predictor.js";

/** A category's vector. */
interface Vectors {
  readonly values: readonly (CategoryValue | null)[];
  readonly vectors: readonly (readonly number[])[];
}

async function vectorsOf({ prep, model }: TabularPredictor, column: string): Promise<Vectors> {
  const at = prep.catNames.indexOf(column);
  const categories = prep.state.categorical[column];
  if (at < 0 || !categories)
    throw new TensorError(
      "embeddingTable",
      `${column} is no categorical column; these are ${Object.keys(prep.state.categorical).join(", ")}.`,
    );
  const { weight } = model.embeds[at]!;
  const [count, size] = weight.shape as [number, number];
  const data = await weight.value.data();
  return {
    values: [null, ...categories.values],
    vectors: Array.from({ length: count }, (_, i) => [...data.subarray(i * size, (i + 1) * size)]),
  };
}

/**
 * What a model learnt of a column as a table: its values (missing: the vector of unseen ones) and their vectors `<column>_0`, `<column>_1`, ...
 * Joined to another table, it gives features to any other model.
 */
export async function embeddingTable(predictor: TabularPredictor, column: string): Promise<Table> {
  const { values, vectors } = await vectorsOf(predictor, column);
  const size = vectors[0]!.length;
  const dimensions = Array.from(
    { length: size },
    (_, k) => [`${column}_${k}`, Float32Array.from(vectors, (vector) => vector[k]!)] as const,
  );
  return tableOf({ [column]: values, ...Object.fromEntries(dimensions) });
}

/** A category on a map of its column's vectors. */
export interface EmbeddingPoint {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

/** The values of a column along the two directions in which their vectors differ most, for `scatter` of @fai/plot. Signs are arbitrary. */
export async function embeddingMap(predictor: TabularPredictor, column: string): Promise<EmbeddingPoint[]> {
  const { values, vectors } = await vectorsOf(predictor, column);
  const known = vectors.slice(1).map((vector) => [...vector]);
  if (known.length < 2 || known[0]!.length < 2)
    throw new TensorError(
      "embeddingMap",
      `${column} has ${known.length} values of ${known[0]?.length ?? 0} numbers: too few for a map.`,
    );
  const placed = new PCA(known, { method: "covarianceMatrix" }).predict(known, { nComponents: 2 }).to2DArray();
  return placed.map(([x, y], i) => ({ x: x!, y: y!, label: String(values[i + 1]) }));
}
