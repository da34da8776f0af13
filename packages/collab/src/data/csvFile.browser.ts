import { parse } from "csv-parse/browser/esm/sync";

/** The lines of the CSV file at an address (also gzipped) as lists of texts, the names of the columns first. */
export async function readCsvFile(address: string): Promise<string[][]> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be read: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const stream = new Blob([bytes]).stream();
  const text = await new Response(zipped ? stream.pipeThrough(new DecompressionStream("gzip")) : stream).text();
  return parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true });
}
