import { TensorError } from "@fai/tensor";
import { processors, spawnWorker } from "#worker";
import { mapOrdered } from "./mapOrdered.js";
import type { WorkerThread } from "./workerThread.js";

/** Options of `workerPool`. */
export interface WorkerPoolOptions {
  /** The export of the module that is the transform ("default"). */
  name?: string;
  /** Threads (the processors but one, at least 1 and at most 8). */
  workers?: number;
  /** Whether arrays of a result are moved here and not copied (false); the transform must not use them again. */
  move?: boolean;
}

interface Task {
  readonly item: unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** One thread, and what it works on. */
interface Seat {
  readonly thread: WorkerThread;
  task: Task | undefined;
}

/** What a thread answers. */
interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: { stage: "load" | "transform"; message: string; stack?: string };
}

/**
 * Threads that apply a transform to items, for transforms that are JavaScript and take long: while they run, the training loop, timers and
 * servers go on. Threads start when they are needed and never keep a process alive.
 */
export class WorkerPool<I, O> {
  readonly module: string;
  /** The most threads. */
  readonly workers: number;
  private readonly options: { name: string; move: boolean };
  private readonly seats = new Set<Seat>();
  private waiting: Task[] = [];
  private closed = false;

  constructor(module: URL | string, { name = "default", workers, move = false }: WorkerPoolOptions = {}) {
    const count = workers ?? Math.min(8, Math.max(1, processors() - 1));
    if (!(Number.isInteger(count) && count >= 1))
      throw new TensorError("workerPool", `workers is ${count}, expected a whole number of at least 1.`);
    this.module = addressOf(module);
    this.workers = count;
    this.options = { name, move };
  }

  /** Threads that are working now. */
  get busy(): number {
    return [...this.seats].filter(({ task }) => task).length;
  }

  /**
   * The transform's result for an item; both are copied between threads (structured clone). Rejects when the transform fails, when its
   * thread ends, and, with the signal's reason, when `signal` is aborted: the item is then not begun, or its thread is ended.
   */
  run(item: I, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<O> {
    if (this.closed) return Promise.reject(new TensorError("workerPool", "the pool is closed."));
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise<O>((resolve, reject) => {
      const ending =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", abort);
          settle(value);
        };
      const task: Task = { item, resolve: ending<O>(resolve), reject: ending(reject) };
      const abort = () => this.abandon(task, signal!.reason);
      signal?.addEventListener("abort", abort);
      this.waiting.push(task);
      this.assign();
    });
  }

  /** Results for all items, in their order, with at most `ahead` (twice the threads) in hand; ending the loop early ends what is under way. */
  async *map(
    items: Iterable<I> | AsyncIterable<I>,
    { ahead = 2 * this.workers }: { ahead?: number } = {},
  ): AsyncGenerator<O, void, void> {
    let count = 0;
    const numbered = async (item: I, signal: AbortSignal) => {
      const at = count++;
      return this.run(item, { signal }).catch((cause: unknown) => {
        if (signal.aborted) throw cause;
        throw new TensorError("workerPool", `item ${at}: ${(cause as Error).message}`, { cause });
      });
    };
    yield* mapOrdered(items, numbered, ahead);
  }

  /** Ends all threads; what is under way is rejected. */
  close(): void {
    this.closed = true;
    const tasks = [...this.waiting, ...[...this.seats].flatMap(({ task }) => task ?? [])];
    this.waiting = [];
    for (const seat of [...this.seats]) this.dismiss(seat);
    for (const { reject } of tasks) reject(new TensorError("workerPool", "the pool was closed meanwhile."));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Gives what waits to free threads, and starts threads while there may be more. */
  private assign(): void {
    while (this.waiting.length > 0) {
      const free = [...this.seats].find(({ task }) => !task);
      const seat = free ?? (this.seats.size < this.workers ? this.spawn() : undefined);
      if (!seat) return;
      const task = this.waiting.shift()!;
      try {
        seat.thread.post({ id: 0, module: this.module, ...this.options, item: task.item });
      } catch (cause) {
        const message = (cause as Error).message;
        task.reject(new TensorError("workerPool", `the item cannot be sent to a thread: ${message}`, { cause }));
        continue;
      }
      seat.task = task;
      seat.thread.hold(true);
    }
  }

  private spawn(): Seat {
    const seat: Seat = {
      thread: spawnWorker({
        onMessage: (message) => this.answered(seat, message as Answer),
        onEnd: (reason) => this.ended(seat, reason),
      }),
      task: undefined,
    };
    this.seats.add(seat);
    return seat;
  }

  private answered(seat: Seat, { result, failure }: Answer): void {
    const { task } = seat;
    seat.task = undefined;
    seat.thread.hold(false);
    if (failure) {
      if (failure.stage === "load") this.dismiss(seat); // a module that failed to load is not loaded again by the same thread
      const what =
        failure.stage === "load" ? `${this.module} could not be loaded` : `the transform of ${this.module} failed`;
      const cause = Object.assign(new Error(failure.message), failure.stack !== undefined && { stack: failure.stack });
      task?.reject(new TensorError("workerPool", `${what}: ${failure.message}`, { cause }));
    } else task?.resolve(result as never);
    this.assign();
  }

  private ended(seat: Seat, reason: string): void {
    this.seats.delete(seat);
    seat.task?.reject(
      new TensorError(
        "workerPool",
        `a thread of ${this.module} ended while it worked (${reason}). Does the transform end the process, or run out of memory?`,
      ),
    );
    this.assign();
  }

  private abandon(task: Task, reason: unknown): void {
    this.waiting = this.waiting.filter((other) => other !== task);
    for (const seat of [...this.seats]) if (seat.task === task) this.dismiss(seat);
    task.reject(reason);
    this.assign();
  }

  private dismiss(seat: Seat): void {
    this.seats.delete(seat);
    seat.thread.terminate();
  }
}

/**
 * Threads for the transform in a module of plain JavaScript (a thread of Node 20 reads no TypeScript):
 * `workerPool(new URL("./augment.js", import.meta.url))`, where augment.js has `export default (item) => ...`. Results depend on the items
 * alone when the transform does; give it the seed, the row and the epoch instead of letting it draw.
 */
export function workerPool<I, O>(module: URL | string, options: WorkerPoolOptions = {}): WorkerPool<I, O> {
  return new WorkerPool<I, O>(module, options);
}

/** Relative texts would be looked for beside this package. */
function addressOf(module: URL | string): string {
  const text = String(module);
  if (URL.canParse(text)) return text;
  throw new TensorError(
    "workerPool",
    `${text} is no address. Pass new URL("./transform.js", import.meta.url), which is beside your own file.`,
  );
}
