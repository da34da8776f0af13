/**
 * `work` done on each item, with up to `ahead` items in hand at once; results come in the order of the items. A failure surfaces
 * when its turn comes. Ending the loop early waits for nothing: results still under way are dropped, so are their failures, and the signal
 * that `work` was given is aborted.
 */
export async function* mapOrdered<T, U>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => U | Promise<U>,
  ahead: number,
): AsyncGenerator<U, void, void> {
  const pending: Promise<U>[] = [];
  const ending = new AbortController();
  const begin = (item: T): Promise<U> => {
    const result = (async () => work(item, ending.signal))();
    result.catch(() => {}); // awaited in its turn, or never when the loop ends before
    return result;
  };
  try {
    for await (const item of items) {
      pending.push(begin(item));
      if (pending.length > ahead) yield await pending.shift()!;
    }
    while (pending.length > 0) yield await pending.shift()!;
  } finally {
    ending.abort(new Error("the loop has ended"));
  }
}
