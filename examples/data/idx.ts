import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** An array of bytes as an IDX file holds it: labels [rows], or images [rows, height, width]. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Images with one label each. */
export interface LabelledImages {
  readonly images: IdxArray;
  readonly labels: IdxArray;
}

const advice =
  "The four files of Fashion-MNIST are in Debian's package dataset-fashion-mnist (apt-get install dataset-fashion-mnist, then " +
  "--data /usr/share/datasets/fashion-mnist) and in the repository fashion-mnist of Zalando Research, its publisher.";

/** The training and the test set of a folder that holds MNIST or a data set made like it. Throws, naming the file, when one is missing or damaged. */
export function readIdxFolder(folder: string): { train: LabelledImages; test: LabelledImages } {
  if (!existsSync(folder)) throw new Error(`There is no folder ${folder}. ${advice}`);
  if (!statSync(folder).isDirectory())
    throw new Error(`${folder} is a file, expected the folder that holds the images. ${advice}`);
  return { train: readPair(folder, "train"), test: readPair(folder, "t10k") };
}

function readPair(folder: string, name: string): LabelledImages {
  const images = readIdx(folder, `${name}-images-idx3-ubyte`, 3);
  const labels = readIdx(folder, `${name}-labels-idx1-ubyte`, 1);
  const [rows, count] = [images.shape[0]!, labels.shape[0]!];
  if (rows === count) return { images, labels };
  throw new Error(
    `${folder}: ${name}-images-idx3-ubyte has ${rows} images, ${name}-labels-idx1-ubyte ${count} labels. They belong to different data sets.`,
  );
}

/** One file, plain or with .gz, of `rank` axes. Its header: 0, 0, 8 (bytes), rank, then the sizes as big-endian 32-bit numbers. */
function readIdx(folder: string, name: string, rank: number): IdxArray {
  const path = [name, `${name}.gz`].map((file) => join(folder, file)).find((file) => existsSync(file));
  if (path === undefined) throw new Error(`${folder} has no ${name} and no ${name}.gz. ${advice}`);
  const bytes = readBytes(path);
  const start = 4 + 4 * rank;
  const magic = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : undefined;
  if (magic !== 0x800 + rank) {
    const found =
      magic === undefined
        ? `${bytes.length} bytes and no magic number`
        : `the magic number 0x${magic.toString(16).padStart(8, "0")}`;
    throw new Error(
      `${path} has ${found}, expected 0x0000080${rank} (bytes, ${rank} axes): it is no IDX file of that kind. Fetch it again. ${advice}`,
    );
  }
  if (bytes.length < start)
    throw new Error(`${path} is cut off in its header: ${bytes.length} of ${start} bytes. Fetch it again. ${advice}`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, start);
  const shape = Array.from({ length: rank }, (_, axis) => header.getUint32(4 + 4 * axis));
  const expected = start + shape.reduce((n, d) => n * d, 1);
  if (bytes.length === expected) return { shape, data: bytes.subarray(start) };
  const problem = bytes.length < expected ? "is cut off" : "is too long";
  throw new Error(
    `${path} ${problem}: [${shape.join(", ")}] takes ${expected} bytes, it has ${bytes.length}. Fetch it again. ${advice}`,
  );
}

function readBytes(path: string): Uint8Array {
  const stored = readFileSync(path);
  if (!path.endsWith(".gz")) return stored;
  try {
    return gunzipSync(stored);
  } catch (cause) {
    throw new Error(`${path} does not unpack: it is damaged or cut off. Fetch it again. ${advice}`, { cause });
  }
}
