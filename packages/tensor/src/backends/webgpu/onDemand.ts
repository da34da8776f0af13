import type { Rare } from "./rare.js";

let loaded: Rare | undefined;
const notLoaded = Symbol("not loaded");

/** The code that a page which only predicts does without, inside of `withRare`. */
export function rare(): Rare {
  if (!loaded) throw notLoaded;
  return loaded;
}

/** What `make` gives, which is called once more when it asked for code that had to be loaded. */
export function withRare<T>(make: () => T): T | Promise<T> {
  try {
    return make();
  } catch (error) {
    if (error !== notLoaded) throw error;
    return import("./rare.js").then((module) => {
      loaded = module.rare;
      return make();
    });
  }
}
