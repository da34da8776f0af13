import { join, resolve } from "node:path";
import { counted, ImageDataError, someOf } from "./imageDataError.js";
import { type Listing, listFolder } from "./listFolder.node.js";
import { holdOut } from "./holdOut.js";

/** Options of `scanImageFolder`. */
export interface ImageFolderOptions {
  /** Share of the pictures of each class that is held out for validation, 0 to 1: for folders without a validation folder. */
  validShare?: number;
  /** Decides which are held out (42). */
  seed?: number;
  /** Name of the training folder ("train"). */
  train?: string;
  /** Name of the validation folder ("valid"). */
  valid?: string;
  /** Name of the folder of pictures without classes ("test"); it may be absent. */
  test?: string;
}

/** A picture and its class, as an index into the classes. */
export interface LabelledImage {
  readonly path: string;
  readonly label: number;
}

/** The pictures of a folder, in an order that depends on their names alone. */
export interface ImageFolder {
  /** Names of the class folders, in code-unit order. */
  readonly classes: readonly string[];
  readonly train: readonly LabelledImage[];
  readonly valid: readonly LabelledImage[];
  /** Pictures without classes. */
  readonly test: readonly string[];
  /** How many files were left out for their extension, by extension. */
  readonly others: ReadonlyMap<string, number>;
  /** What is odd and no error: a sentence each. */
  readonly notices: readonly string[];
}

/** Share held out of a single folder of class folders, unless another is asked for. */
const defaultValidShare = 0.2;

/**
 * Reads `path/train/CLASS/*`, `path/valid/CLASS/*` and perhaps `path/test/*`; or, with `validShare`, `path/train/CLASS/*` alone;
 * or `path/CLASS/*`, of which a share (0.2) of each class is held out. Throws an ImageDataError for a layout that would not
 * train: no folder or nothing in it, no valid/, pictures outside class folders, one class only, a class that only valid/ has,
 * a class without pictures.
 */
export function scanImageFolder(path: string, options: ImageFolderOptions = {}): ImageFolder {
  const { train = "train", valid = "valid", test = "test", validShare, seed = 42 } = options;
  checkShare(path, validShare);
  const root = resolve(path);
  const listing = listFolder(root);
  const others = new Map<string, number>();
  const notices: string[] = [];
  const folder = new ClassFolders(others, notices);
  const testImages = listing.folders.includes(test) ? folder.unlabelled(join(root, test)) : [];

  if (!listing.folders.includes(train)) {
    if (listing.folders.includes(valid)) throw fail(root, `${root} holds ${valid}/ but no ${train}/. Put the training pictures into ${train}/CLASS/.`);
    const classes = folder.read(root, { except: test });
    return { ...heldOut(classes, validShare ?? defaultValidShare, seed, notices), test: testImages, others, notices };
  }
  noteStray(root, listing, notices);
  const trained = folder.read(join(root, train));
  if (listing.folders.includes(valid)) {
    if (validShare !== undefined) {
      throw fail(root, `${root} holds ${valid}/, and validShare ${validShare} asks for another validation set. Leave validShare out, or rename ${valid}/.`);
    }
    const validated = folder.read(join(root, valid), { classes: trained, train });
    return { ...bothGiven(trained, validated, notices), test: testImages, others, notices };
  }
  if (validShare === undefined) throw fail(root, missingValid(root, train, valid, listing));
  return { ...heldOut(trained, validShare, seed, notices), test: testImages, others, notices };
}

/** Class names and the paths of their pictures, in order. */
type Classes = ReadonlyMap<string, readonly string[]>;

/** Reads folders of class folders, and collects what it passes over. */
class ClassFolders {
  private readonly others: Map<string, number>;
  private readonly notices: string[];

  constructor(others: Map<string, number>, notices: string[]) {
    this.others = others;
    this.notices = notices;
  }

  /** The classes of a training folder, or those of a validation folder once the training `classes` are known. */
  read(path: string, { classes, train, except }: { classes?: Classes; train?: string; except?: string } = {}): Classes {
    const listing = listFolder(path);
    const names = listing.folders.filter((name) => name !== except);
    if (listing.pictures.length > 0) throw fail(path, strayPictures(path, listing, names));
    if (names.length === 0) throw fail(path, `${path} is empty${describeOthers(listing.others)}: there is no class folder with pictures in it. Give each class a folder, named for the class.`);
    this.count(listing);
    const found = new Map<string, string[]>();
    for (const name of names) {
      const pictures = this.pictures(join(path, name));
      // Names written with combining accents (macOS) are the same class.
      const key = name.normalize("NFC");
      found.set(key, [...(found.get(key) ?? []), ...pictures]);
    }
    if (classes) {
      const unknown = [...found.keys()].filter((name) => !classes.has(name));
      if (unknown.length > 0) {
        throw fail(path, `${path} has ${unknown.length === 1 ? "the class" : "the classes"} ${someOf(unknown)}, which ${train}/ lacks (it has ${someOf([...classes.keys()])}). Add training pictures of ${unknown.length === 1 ? "it" : "them"}, or remove the folder.`);
      }
      return found;
    }
    const empty = [...found].filter(([, pictures]) => pictures.length === 0).map(([name]) => name);
    if (empty.length > 0) throw fail(join(path, empty[0]!), emptyClasses(path, empty, found.size));
    if (found.size === 1) {
      const [name] = found.keys();
      throw fail(path, `${path} has one class only, ${name}. A classifier tells at least two apart: add a folder of something else.`);
    }
    return found;
  }

  /** The pictures of a folder without classes, and of the folders in it. */
  unlabelled(path: string): string[] {
    const listing = listFolder(path);
    this.count(listing);
    return [
      ...listing.pictures.map((name) => join(path, name)),
      ...listing.folders.flatMap((name) => this.pictures(join(path, name))),
    ];
  }

  private pictures(path: string): string[] {
    const listing = listFolder(path);
    this.count(listing);
    if (listing.pictures.length > 0 && listing.folders.length > 0) {
      this.notices.push(`${path} holds folders (${someOf(listing.folders)}): the pictures in them are not read.`);
    }
    return listing.pictures.map((name) => join(path, name));
  }

  private count({ others }: Listing): void {
    for (const [extension, n] of others) this.others.set(extension, (this.others.get(extension) ?? 0) + n);
  }
}

function bothGiven(trained: Classes, validated: Classes, notices: string[]) {
  const classes = [...trained.keys()].sort();
  const absent = classes.filter((name) => (validated.get(name) ?? []).length === 0);
  if (absent.length === classes.length) {
    const folder = "the validation folder";
    throw new ImageDataError("imageFolder", folder, `${folder} holds no pictures. Put some of each class into it.`);
  }
  if (absent.length > 0) notices.push(`No validation picture shows ${someOf(absent)}.`);
  const list = (of: Classes) => classes.flatMap((name, label) => (of.get(name) ?? []).map((path) => ({ path, label })));
  return { classes, train: list(trained), valid: list(validated) };
}

function heldOut(all: Classes, share: number, seed: number, notices: string[]) {
  const classes = [...all.keys()].sort();
  const parts = classes.map((name, label) => {
    const images = all.get(name)!.map((path) => ({ path, label }));
    if (images.length === 1) notices.push(`${name} has one picture, which stays in the training set.`);
    return holdOut(images, { share, seed, stream: label });
  });
  const [train, valid] = [parts.flatMap((part) => part.kept), parts.flatMap((part) => part.held)];
  if (valid.length === 0) {
    const count = counted(train.length, "picture");
    throw new ImageDataError("imageFolder", train[0]!.path, `holding out ${share} of ${count} leaves none for validation. Add pictures: two of a class are the least.`);
  }
  return { classes, train, valid };
}

function missingValid(root: string, train: string, valid: string, { folders }: Listing): string {
  const alias = folders.find((name) => /^(val|valid|validation|dev|test)$/i.test(name));
  const rename = alias === undefined ? "" : ` Is it ${alias}/? Then pass valid: "${alias}".`;
  return `${root} holds ${train}/ but no ${valid}/, and something is needed to measure on.${rename} Pass validShare: ${defaultValidShare} to hold that share of ${train}/ out, or make ${valid}/ with the same class folders.`;
}

function strayPictures(path: string, { pictures }: Listing, folders: readonly string[]): string {
  const found = `${counted(pictures.length, "picture")} (${someOf(pictures, 3)})`;
  const beside = folders.length > 0 ? ` beside the class folders ${someOf(folders, 3)}` : "";
  return `${found} ${pictures.length === 1 ? "lies" : "lie"} directly in ${path}${beside}. The folder of a picture says its class: move each into a folder named for its class${beside ? ", or away" : ""}.`;
}

/** Pictures beside train/ and valid/ are no training pictures (perhaps plots of an earlier run): told, not refused. */
function noteStray(root: string, { pictures, folders }: Listing, notices: string[]): void {
  if (folders.length > 0 && pictures.length > 0) notices.push(`${counted(pictures.length, "picture")} directly in ${root} (${someOf(pictures, 3)}) ${pictures.length === 1 ? "is" : "are"} not read.`);
}

function emptyClasses(path: string, empty: readonly string[], classes: number): string {
  const first = join(path, empty[0]!);
  const listing = listFolder(first);
  if (empty.length === classes && listing.folders.length > 0) {
    return `${path} holds no pictures, only folders of folders (${empty[0]}/${listing.folders[0]}). Give the folder one level down, such as ${first}?`;
  }
  const what = empty.length === 1 ? `the class ${empty[0]} has` : `the classes ${someOf(empty)} have`;
  return `in ${path} ${what} no pictures${describeOthers(listing.others)}. Add some, or remove the folder.`;
}

function describeOthers(others: ReadonlyMap<string, number>): string {
  if (others.size === 0) return "";
  const list = [...others].map(([extension, n]) => `${n} ${extension || "without extension"}`);
  return ` that can be read (it holds other files: ${someOf(list)}; pictures are JPEG, PNG, WebP, GIF, AVIF or TIFF)`;
}

function checkShare(path: string, share: number | undefined): void {
  if (share === undefined || (share > 0 && share < 1)) return;
  throw fail(path, `validShare is ${share}, expected a share above 0 and below 1.`);
}

function fail(path: string, message: string): ImageDataError {
  return new ImageDataError("imageFolder", path, message);
}
