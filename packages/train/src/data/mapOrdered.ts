/**
 * `work` done on each item, with up to `ahead` items in hand at once; results come in the order of the items. A failure surfaces
 * when its turn comes. Ending the loop early waits for nothing: results still under way are dropped, and so are their failures.
 */
export async function* mapOrdered<T, U>(
  items: Iterable<T>,
  work: (item: T) => U | Promise<U>,
  ahead: number,
): AsyncGenerator<U, void, void> {
  const pending: Promise<U>[] = [];
  const begin = (item: T): Promise<U> => {
    const result = (async () => work(item))();
    result.catch(() => {}); // awaited in its turn, or never when the loop ends before
    return result;
  };
  for (const item of items) {
    pending.push(begin(item));
    if (pending.length > ahead) yield await pending.shift()!;
  }
  while (pending.length > 0) yield await pending.shift()!;
}
