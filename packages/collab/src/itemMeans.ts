/** What means of ratings are taken over. */
interface Ratings {
  readonly items: { readonly size: number };
  readonly itemRows: Int32Array;
  readonly ratings: Float32Array;
  readonly trainRows: Int32Array;
  readonly implicit: boolean;
}

/**
 * The mean training rating of each item, with `damping` ratings of the overall mean mixed in; and how often each item was rated in
 * the whole table. For implicit feedback, where all ratings are 1, the mean is the item's share of the interactions of the commonest one.
 */
export function itemMeans(
  { items, itemRows, ratings, trainRows, implicit }: Ratings,
  damping: number,
): { means: number[]; counts: number[] } {
  const counts = new Array<number>(items.size).fill(0);
  for (const item of itemRows) counts[item]!++;
  const [sums, trained] = [new Float64Array(items.size), new Float64Array(items.size)];
  let overall = 0;
  for (const row of trainRows) {
    sums[itemRows[row]!]! += ratings[row]!;
    trained[itemRows[row]!]!++;
    overall += ratings[row]! / trainRows.length;
  }
  if (implicit) {
    const most = trained.reduce((a, b) => Math.max(a, b), 1);
    return { means: Array.from(trained, (n) => n / most), counts };
  }
  return { means: Array.from(sums, (sum, i) => (sum + damping * overall) / (trained[i]! + damping)), counts };
}
