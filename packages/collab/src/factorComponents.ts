import { TensorError } from "@fai/tensor";
import { PCA } from "ml-pca";
import type { Id } from "./idIndex.js";
import type { Recommender } from "./recommender.js";

/** An item's place along the directions in which items differ most. */
export interface FactorPoint {
  readonly item: Id;
  /** How often it was rated. */
  readonly count: number;
  /** One number a component. */
  readonly components: readonly number[];
}

/** Options of `factorComponents`. */
export interface FactorComponentsOptions {
  /** Number of components (3). */
  components?: number;
  /** Only items rated at least so often (1). */
  minCount?: number;
  /** Only this many of the most rated items (3000). */
  most?: number;
}

/**
 * The items' vectors along their principal components, the most rated item first: what the model found without being told, such as
 * "serious" against "easy". Signs are arbitrary: each component is turned so that its largest entry is positive.
 */
export function factorComponents(
  { items, itemFactors, factors, itemCounts }: Recommender,
  { components = 3, minCount = 1, most = 3000 }: FactorComponentsOptions = {},
): FactorPoint[] {
  const rows = [...items.ids.keys()]
    .filter((row) => itemCounts[row]! >= minCount)
    .sort((a, b) => itemCounts[b]! - itemCounts[a]!)
    .slice(0, most);
  if (rows.length < 2 || components > factors) {
    throw new TensorError(
      "factorComponents",
      `${rows.length} items of ${factors} factors have no ${components} components. Lower minCount or components?`,
    );
  }
  const vectors = rows.map((row) => [...itemFactors.subarray(row * factors, (row + 1) * factors)]);
  const placed = new PCA(vectors, { method: "covarianceMatrix" })
    .predict(vectors, { nComponents: components })
    .to2DArray();
  for (let c = 0; c < components; c++) {
    const largest = placed.reduce((best, point) => (Math.abs(point[c]!) > Math.abs(best) ? point[c]! : best), 0);
    if (largest < 0) for (const point of placed) point[c] = -point[c]!;
  }
  return rows.map((row, i) => ({ item: items.ids[row]!, count: itemCounts[row]!, components: placed[i]! }));
}
