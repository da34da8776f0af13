import { join, resolve } from "node:path";
import { ClassFolders } from "./classFolders.node.js";
import { counted, ImageDataError, someOf } from "./imageDataError.js";
import { checkShare, given, heldOut, type LabelledImage, type Split } from "./labelledImages.js";
import { type Listing, listFolder } from "./listFolder.node.js";

/** Options of `scanImageFolder`. */
export interface ImageFolderOptions {
  /** Share of each class that is held out for validation, above 0 and below 1: for folders without a validation folder. */
  validShare?: number;
  /** Decides which pictures are held out (42). */
  seed?: number;
  /** Name of the training folder ("train"). */
  train?: string;
  /** Name of the validation folder ("valid"). */
  valid?: string;
  /** Name of the folder of pictures without classes ("test"), which may be absent. */
  test?: string;
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

/** What is held out of a single folder of class folders, unless another share is asked for. */
const usualShare = 0.2;

/**
 * Reads `path/train/CLASS/*`, `path/valid/CLASS/*` and perhaps `path/test/*`; or, with `validShare`, `path/train/CLASS/*` alone;
 * or `path/CLASS/*`, of which a share of each class (0.2) is held out. Throws an ImageDataError for what would not train: a
 * folder that is missing, empty or may not be read, no valid/, pictures outside class folders, one class only, a class that
 * only valid/ has, a class without pictures.
 */
export function scanImageFolder(path: string, options: ImageFolderOptions = {}): ImageFolder {
  const { train = "train", valid = "valid", test = "test", validShare, seed = 42 } = options;
  const root = resolve(path);
  checkShare(validShare, root);
  const listing = listFolder(root);
  const folders = new ClassFolders();
  const holds = (name: string) => listing.folders.includes(name);
  const testImages = holds(test) ? folders.unlabelled(join(root, test)) : [];
  const result = ({ classes, train, valid, unseen }: Split): ImageFolder => {
    const notices = unseen.length > 0 ? [`No validation picture shows ${someOf(unseen)}.`] : [];
    return {
      classes,
      train,
      valid,
      test: testImages,
      others: new Map([...folders.others].sort()),
      notices: [...folders.notices, ...notices],
    };
  };
  if (!holds(train)) {
    if (holds(valid))
      throw fail(root, `${root} holds ${valid}/ but no ${train}/. Put the training pictures into ${train}/CLASS/.`);
    const share = validShare ?? usualShare;
    return result(heldOut(folders.train(root, { except: test }), { share, seed, source: root }));
  }
  if (listing.pictures.length > 0) {
    // They belong to neither set (plots of an earlier run, perhaps): told, not refused.
    folders.notices.push(
      `${counted(listing.pictures.length, "picture")} directly in ${root} (${someOf(listing.pictures, 3)}): not read.`,
    );
  }
  if (!holds(valid)) {
    if (validShare === undefined) throw fail(root, missingValid(root, { train, valid, listing }));
    return result(heldOut(folders.train(join(root, train)), { share: validShare, seed, source: join(root, train) }));
  }
  if (validShare !== undefined) {
    throw fail(
      root,
      `${root} holds ${valid}/, and validShare ${validShare} asks for another validation set. Leave validShare out, or rename ${valid}/.`,
    );
  }
  const trained = folders.train(join(root, train));
  return result(given(trained, folders.valid(join(root, valid), trained)));
}

function missingValid(
  root: string,
  { train, valid, listing }: { train: string; valid: string; listing: Listing },
): string {
  const alias = listing.folders.find((name) => /^(val|valid|validation|dev|test)$/i.test(name));
  const perhaps = alias === undefined ? "" : ` If ${alias}/ is meant, pass valid: "${alias}".`;
  return `${root} holds ${train}/ but no ${valid}/, and something has to be measured on.${perhaps} Pass validShare: ${usualShare} to hold that share of ${train}/ out, or make ${valid}/ with the same class folders.`;
}

function fail(path: string, message: string): ImageDataError {
  return new ImageDataError("imageFolder", path, message);
}
