import { join } from "node:path";
import { counted, ImageDataError, someOf } from "./imageDataError.js";
import { type Classes, checkClasses } from "./labelledImages.js";
import { type Listing, listFolder } from "./listFolder.node.js";

/** Reads folders of class folders, and collects what it passes over. Every fault is an ImageDataError that says what to do. */
export class ClassFolders {
  /** How many files were left out for their extension, by extension. */
  readonly others = new Map<string, number>();
  /** What is odd and no error: a sentence each. */
  readonly notices: string[] = [];

  /**
   * The classes of a folder that is trained on (`except` one folder in it). Throws when pictures lie outside class folders,
   * there is no class or only one, or a class has no pictures.
   */
  train(path: string, { except }: { except?: string } = {}): Classes {
    const found = this.read(path, except);
    const empty = [...found].filter(([, pictures]) => pictures.length === 0).map(([name]) => name);
    if (empty.length > 0) throw emptyClasses(path, empty, found.size);
    checkClasses(found, undefined, path);
    return found;
  }

  /** The classes of a folder that is measured on. Throws when it has one that `trained` lacks, or no pictures at all. */
  valid(path: string, trained: Classes): Classes {
    const found = this.read(path);
    checkClasses(trained, found, path);
    const pictures = [...found.values()].reduce((n, list) => n + list.length, 0);
    if (pictures === 0) throw fail(path, `${path} holds no pictures. Put some of each class into it.`);
    return found;
  }

  /** The pictures of a folder without classes, and of the folders in it. */
  unlabelled(path: string): string[] {
    const { pictures, folders } = this.list(path);
    return [...pictures.map((name) => join(path, name)), ...folders.flatMap((name) => this.pictures(join(path, name)))];
  }

  private read(path: string, except?: string): Classes {
    const listing = this.list(path);
    const folders = listing.folders.filter((name) => name !== except);
    if (listing.pictures.length > 0) throw strayPictures(path, listing.pictures, folders);
    if (folders.length === 0) {
      const found = listing.others.size > 0 ? `holds no class folders, only ${describe(listing.others)}` : "is empty";
      throw fail(
        path,
        `${path} ${found}. Put the pictures of each class into a folder of their own in it, named for the class.`,
      );
    }
    const found = new Map<string, string[]>();
    for (const name of folders) {
      // Names that differ only in how accents are encoded (macOS decomposes them) are one class.
      const key = name.normalize("NFC");
      found.set(key, [...(found.get(key) ?? []), ...this.pictures(join(path, name))]);
    }
    return found;
  }

  private pictures(path: string): string[] {
    const { pictures, folders } = this.list(path);
    if (pictures.length > 0 && folders.length > 0) {
      this.notices.push(`${path} holds folders (${someOf(folders)}); the pictures in them are not read.`);
    }
    return pictures.map((name) => join(path, name));
  }

  private list(path: string): Listing {
    const listing = listFolder(path);
    for (const [extension, n] of listing.others) this.others.set(extension, (this.others.get(extension) ?? 0) + n);
    return listing;
  }
}

function strayPictures(path: string, pictures: readonly string[], folders: readonly string[]): ImageDataError {
  const found = `${counted(pictures.length, "picture")} (${someOf(pictures, 3)})`;
  const lie = pictures.length === 1 ? "lies" : "lie";
  const beside = folders.length > 0 ? `, beside the class folders ${someOf(folders, 3)}` : "";
  const away = folders.length > 0 ? ", or out of here" : "";
  return fail(
    path,
    `${found} ${lie} directly in ${path}${beside}. The folder of a picture says its class: move each into a folder named for its class${away}.`,
  );
}

function emptyClasses(path: string, empty: readonly string[], classes: number): ImageDataError {
  const first = join(path, empty[0]!);
  const { folders, others } = listFolder(first);
  if (empty.length === classes && folders.length > 0) {
    return fail(
      path,
      `${path} holds folders of folders (${empty[0]}/${folders[0]}) and no pictures in them. Give the folder one level down, ${first}?`,
    );
  }
  const which = empty.length === 1 ? `the class ${empty[0]} has` : `the classes ${someOf(empty)} have`;
  const holds =
    others.size > 0
      ? `; ${first} holds only ${describe(others)}, and JPEG, PNG, WebP, GIF, AVIF and TIFF are read`
      : "";
  return fail(first, `${which} no pictures in ${path}${holds}. Add some, or remove the folder.`);
}

/** "3 .txt, 1 without extension". */
function describe(others: ReadonlyMap<string, number>): string {
  return someOf(
    [...others].map(([extension, n]) => (extension === "" ? `${n} without extension` : `${n} ${extension}`)),
  );
}

function fail(path: string, message: string): ImageDataError {
  return new ImageDataError("imageFolder", path, message);
}
