/** A thread that runs transformWorker.js. */
export interface WorkerThread {
  /** Throws when the message holds what cannot be sent to a thread. */
  post(message: unknown): void;
  /** Whether it keeps the process alive. */
  hold(busy: boolean): void;
  terminate(): void;
}

/** Who hears of a thread. */
export interface WorkerListener {
  onMessage(message: unknown): void;
  /** It ended without being asked to; it says why as far as it is known. */
  onEnd(reason: string): void;
}
