import { type Dirent, readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { ImageDataError } from "./imageDataError.js";

/** What one folder holds, hidden things and those of file managers and notebooks left out; names in code-unit order. */
export interface Listing {
  readonly folders: readonly string[];
  /** Files with the extension of a format that is read. */
  readonly pictures: readonly string[];
  /** How many other files there are of each extension, in lower case with its dot ("" without one). */
  readonly others: ReadonlyMap<string, number>;
}

/** Extensions of the formats that sharp's prebuilt libraries read. */
const pictureExtensions = new Set([
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".webp",
  ".gif",
  ".avif",
  ".tif",
  ".tiff",
]);

/** What file managers leave behind. */
const litter = new Set(["__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "@eaDir"]);

/** Lists a folder. Throws an ImageDataError that says what to do when it cannot be read. */
export function listFolder(path: string): Listing {
  const folders: string[] = [];
  const pictures: string[] = [];
  const others = new Map<string, number>();
  const entries = read(path).filter(({ name }) => !name.startsWith(".") && !litter.has(name));
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const extension = extname(entry.name).toLowerCase();
    if (isFolder(path, entry)) folders.push(entry.name);
    else if (pictureExtensions.has(extension)) pictures.push(entry.name);
    else others.set(extension, (others.get(extension) ?? 0) + 1);
  }
  return { folders, pictures, others };
}

function read(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (cause) {
    throw new ImageDataError("imageFolder", path, `${path} ${why((cause as NodeJS.ErrnoException).code)}`, { cause });
  }
}

function why(code: string | undefined): string {
  switch (code) {
    case "ENOENT":
      return "does not exist. Check the path; a relative one starts at the folder that the program was started in.";
    case "ENOTDIR":
      return "is a file, not a folder. Give the folder that holds the class folders.";
    case "EACCES":
    case "EPERM":
      return "may not be read: permission denied. Give yourself the right to read and enter it (chmod u+rx), or run as its owner.";
    default:
      return `cannot be read (${code ?? "unknown fault"}).`;
  }
}

/** Links count as what they lead to; one that leads nowhere is a file, and reported when it is read. */
function isFolder(path: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(join(path, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
