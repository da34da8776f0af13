/** A piece of work for the device. */
export interface Work {
  /** What it waits for, or undefined when it may run now; asked again when that has settled. */
  blocked(): Promise<unknown> | undefined;
  /** Called when it has to wait, before `add` returns: what it was given is copied now. */
  park?(): void;
  /** Hands the work to the device. Of a submission, resolves when the device is through with it. */
  run(): Promise<void> | undefined;
  /** True for submissions, of which only a few are with the device at a time. */
  readonly submission: boolean;
}

const mostInFlight = 2;

/** Hands work to the device in the order in which it came: whatever waits holds up all that came later. */
export class WorkQueue {
  readonly #waiting: Work[] = [];
  readonly #idle: (() => void)[] = [];
  #inFlight = 0;
  #held = 0;
  #asked = false;

  /** True when nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Runs the work now, or when its turn has come. */
  add(work: Work): void {
    this.#waiting.push(work);
    this.#pump();
    if (this.#waiting.at(-1) === work) work.park?.();
  }

  /** Until `release` is called the queue does not count as idle. */
  hold(): () => void {
    this.#held++;
    return () => {
      this.#held--;
      this.#settle();
    };
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    if (this.#inFlight + this.#held + this.#waiting.length > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #pump(): void {
    while (this.#waiting.length > 0 && !this.#asked) {
      const work = this.#waiting[0]!;
      if (work.submission && this.#inFlight >= mostInFlight) return;
      const blocked = work.blocked();
      if (blocked) {
        this.#asked = true;
        const again = () => {
          this.#asked = false;
          this.#pump();
          this.#settle();
        };
        void blocked.then(again, again);
        return;
      }
      this.#waiting.shift();
      const ran = work.run();
      if (!work.submission) continue;
      this.#inFlight++;
      void (ran ?? Promise.resolve()).finally(() => {
        this.#inFlight--;
        this.#pump();
        this.#settle();
      });
    }
  }

  #settle(): void {
    if (this.#inFlight + this.#held + this.#waiting.length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
