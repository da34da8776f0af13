import { backend } from "@fai/tensor";

/**
 * How many submissions may be under way when another is made. A CPU takes two at once: a third would wait there with a copy of its batch.
 * From a GPU results come late, so that one more keeps it busy.
 */
function depth(): number {
  const { name } = backend();
  return name === "native" || name === "wasm" ? 1 : 2;
}

/** Takes results of submissions in order, each one or two submissions after its own, so that the device has work meanwhile. */
export class ReadLate<T> {
  private readonly waiting: Promise<T>[] = [];
  private readonly take: (result: T) => void;
  private readonly depth = depth();

  constructor(take: (result: T) => void) {
    this.take = take;
  }

  /** Notes the result of a submission, and waits for one before it. Rejects with that one's fault. */
  async push(result: Promise<T>): Promise<void> {
    result.catch(() => {}); // its turn to be awaited comes later, or never when an earlier one failed
    this.waiting.push(result);
    if (this.waiting.length > this.depth) this.take(await this.waiting.shift()!);
  }

  /** Waits for what is left. */
  async finish(): Promise<void> {
    for (const result of this.waiting.splice(0)) this.take(await result);
  }
}
