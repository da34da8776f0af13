import type { AnyModule } from "./module.js";

/** What a hook is given after each forward pass of its layer. */
export type HookFunction<O> = (output: O, input: unknown) => void;

/** A hook in place: `remove()` or the end of a `using` block takes it off. */
export interface Hook extends Disposable {
  /** Takes the hook off; a second call does nothing. */
  remove(): void;
}

/** Hooks live outside their modules, so that a module's fields are its layers and cells and nothing else. */
const hooks = new WeakMap<AnyModule, Set<HookFunction<unknown>>>();

/**
 * Calls `fn(output, input)` after each forward pass of `layer`, until removed: `using tap = hook(layer, (y) => { kept = y.keep(); })`.
 * It observes and changes nothing; `keep()` is what makes an activation readable after the step.
 */
export function hook<O>(layer: { readonly forward: (input: never) => O } & AnyModule, fn: HookFunction<O>): Hook {
  const list = hooks.get(layer) ?? new Set();
  hooks.set(layer, list);
  // A fresh function, so that one observer may be hooked on twice and taken off once.
  const entry: HookFunction<unknown> = (output, input) => fn(output as O, input);
  list.add(entry);
  const remove = () => {
    list.delete(entry);
  };
  return { remove, [Symbol.dispose]: remove };
}

/** Runs the hooks of `layer`; `Module.call` does it after `forward`. */
export function runHooks(layer: AnyModule, output: unknown, input: unknown): void {
  const list = hooks.get(layer);
  if (list) for (const fn of [...list]) fn(output, input);
}
