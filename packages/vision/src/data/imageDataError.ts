import { TensorError } from "@fai/tensor";

/** What is wrong with a picture or with a folder of pictures: names the place, says what was found and what to do about it. */
export class ImageDataError extends TensorError {
  /** The file or folder at fault. */
  readonly path: string;
  /** The message without the name of the operation. */
  readonly problem: string;

  constructor(op: string, path: string, message: string, options?: { cause?: unknown }) {
    super(op, message, options);
    this.name = "ImageDataError";
    this.path = path;
    this.problem = message;
  }
}

/** A picture that was left out, and why. */
export interface SkippedPicture {
  readonly path: string;
  readonly reason: string;
}

/** Some of many names for a message: "a, b, c and 9 more". */
export function someOf(names: readonly string[], most = 5): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** "1 picture", "2 pictures". */
export function counted(n: number, noun: string): string {
  return `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
}
