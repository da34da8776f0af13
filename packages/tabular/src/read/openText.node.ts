import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** The bytes of a file, unpacked when it is gzipped (its first two bytes tell). Ending the reading early closes the file. */
export async function openText(path: string): Promise<Readable> {
  const zipped = await isGzip(path);
  const bytes = createReadStream(path);
  if (!zipped) return bytes;
  const plain = bytes.pipe(createGunzip());
  bytes.on("error", (error) => plain.destroy(error));
  plain.on("close", () => bytes.destroy());
  return plain;
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** The lines of a file of UTF-8, without what ends them; only the present one is held. */
export async function* linesOf(path: string): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of (await openText(path)) as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
