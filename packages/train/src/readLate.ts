/** How many submissions may be under way before their results are waited for. */
const depth = 2;

/** Takes results of submissions in order, each two submissions after its own, so that the device has work meanwhile. */
export class ReadLate<T> {
  private readonly waiting: Promise<T>[] = [];
  private readonly take: (result: T) => void;

  constructor(take: (result: T) => void) {
    this.take = take;
  }

  /** Notes the result of a submission, and waits for the one two before it. Rejects with that one's fault. */
  async push(result: Promise<T>): Promise<void> {
    result.catch(() => {}); // its turn to be awaited comes later, or never when an earlier one failed
    this.waiting.push(result);
    if (this.waiting.length > depth) this.take(await this.waiting.shift()!);
  }

  /** Waits for what is left. */
  async finish(): Promise<void> {
    for (const result of this.waiting.splice(0)) this.take(await result);
  }
}
