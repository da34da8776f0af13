import { ImageDataError } from "./imageDataError.js";
import { checkClasses, checkShare, given, heldOut, type Split } from "./labelledImages.js";

/** A picture file and the name of its class. */
export interface ListedImage {
  readonly path: string;
  readonly label: string;
}

/** Lists of pictures. */
export interface ImageLists {
  readonly train: readonly ListedImage[];
  /** Without it, a share of `train` is held out. */
  readonly valid?: readonly ListedImage[];
  /** Pictures without classes. */
  readonly test?: readonly string[];
}

/** Lists divided into sets with class indices. Throws an ImageDataError for lists that would not train. */
export function splitLists(
  { train, valid, test = [] }: ImageLists,
  { validShare, seed = 42 }: { validShare?: number; seed?: number },
): Split & { test: readonly string[]; notices: readonly string[] } {
  const source = "the list";
  checkShare(validShare, source);
  if (valid?.length === 0)
    throw new ImageDataError(
      "classes",
      source,
      "the list of validation pictures is empty. Leave it out to have a share of the training pictures held out.",
    );
  const [trained, validated] = [byClass(train), valid && byClass(valid)];
  checkClasses(trained, validated, source);
  const split = validated ? given(trained, validated) : heldOut(trained, { share: validShare ?? 0.2, seed, source });
  const notices = split.unseen.length > 0 ? [`No validation picture shows ${split.unseen.join(", ")}.`] : [];
  return { ...split, test, notices };
}

function byClass(images: readonly ListedImage[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, label } of images) {
    const paths = found.get(label);
    if (paths) paths.push(path);
    else found.set(label, [path]);
  }
  return found;
}
