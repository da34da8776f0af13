import type { Prepared } from "../prepState.js";

/** Some of the rows of a prepared table, in the order of `index`. */
export function pickRows({ rows, ...columns }: Prepared, index: Int32Array): Prepared {
  const picked = Object.entries(columns).map(([name, data]: [string, Int32Array | Float32Array]) => {
    const width = data.length / rows;
    const out = data.slice(0, index.length * width);
    for (let i = 0; i < index.length; i++)
      for (let k = 0; k < width; k++) out[i * width + k] = data[index[i]! * width + k]!;
    return [name, out];
  });
  return { rows: index.length, ...Object.fromEntries(picked) } as Prepared;
}
