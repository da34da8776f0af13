import { cellsOf, columnNames, encode, kindOf, numbersOf, type Table, tableOf } from "./arrow.js";

/**
 * A table with a row for each column of another: what it holds, how many values are missing and distinct, the commonest one, and of
 * numbers the mean, standard deviation, smallest, quartiles and largest.
 */
export function describe(table: Table): Table {
  const rows = columnNames(table).map((name) => {
    const kind = kindOf(table, name);
    const { codes, values } = encode(table, name);
    const counts = new Int32Array(values.length);
    let missing = 0;
    for (const code of codes) code < 0 ? missing++ : counts[code]!++;
    const top = counts.length === 0 ? null : counts.indexOf(counts.reduce((a, b) => Math.max(a, b), 0));
    return {
      column: name,
      holds: kind,
      rows: codes.length,
      missing,
      distinct: counts.filter((n) => n > 0).length,
      commonest: top === null ? null : String(values[top]),
      ...(kind === "number" ? statistics(numbersOf(table, name)) : noStatistics),
    };
  });
  return tableOf(
    Object.fromEntries(
      Object.keys(rows[0] ?? { column: "" }).map((key) => [key, rows.map((row) => row[key as keyof typeof row])]),
    ),
  );
}

const noStatistics = { mean: null, std: null, min: null, lower: null, median: null, upper: null, max: null };

function statistics(numbers: Float64Array): Record<keyof typeof noStatistics, number | null> {
  const sorted = numbers.filter((x) => !Number.isNaN(x)).sort();
  const n = sorted.length;
  if (n === 0) return noStatistics;
  const mean = sorted.reduce((sum, x) => sum + x / n, 0);
  const std = Math.sqrt(sorted.reduce((sum, x) => sum + (x - mean) ** 2 / Math.max(1, n - 1), 0));
  const at = (share: number) => quantile(sorted, share);
  return { mean, std, min: sorted[0]!, lower: at(0.25), median: at(0.5), upper: at(0.75), max: sorted[n - 1]! };
}

/** The value below which a share of sorted numbers lies, between neighbours in a straight line, as pandas and numpy have it. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  const [a, b] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
  return a + (b - a) * (place - low);
}

/** The rows of a table as objects, for printing and for pages. */
export function rowsOf(table: Table, count = table.numRows): Record<string, string | number | boolean | null>[] {
  const columns = columnNames(table).map((name) => [name, cellsOf(table, name)] as const);
  return Array.from({ length: Math.min(count, table.numRows) }, (_, i) =>
    Object.fromEntries(columns.map(([name, cells]) => [name, cells[i]!])),
  );
}
