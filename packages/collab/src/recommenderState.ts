import type { Id } from "./idIndex.js";

/** What a recommender keeps besides the model's weights. */
export interface RecommenderState {
  readonly users: readonly Id[];
  readonly items: readonly Id[];
  /** Rows of the items that each user has met. */
  readonly seen: readonly (readonly number[])[];
  readonly itemCounts: readonly number[];
  readonly itemMeans: readonly number[];
  readonly tags?: readonly (readonly string[])[];
  readonly implicit: boolean;
}

/** An id as JSON has it: big integers are written as text, and marked. */
type WrittenId = string | number | { readonly bigint: string };

/** A state as JSON has it. */
export type WrittenState = Omit<RecommenderState, "users" | "items"> & {
  readonly users: readonly WrittenId[];
  readonly items: readonly WrittenId[];
};

const writeId = (id: Id): WrittenId => (typeof id === "bigint" ? { bigint: String(id) } : id);
const readId = (id: WrittenId): Id => (typeof id === "object" ? BigInt(id.bigint) : id);

/** A state as plain data, for a file. */
export function writeState({ users, items, ...state }: RecommenderState): WrittenState {
  return { ...state, users: users.map(writeId), items: items.map(writeId) };
}

/** The state that `writeState` wrote. */
export function readState({ users, items, ...state }: WrittenState): RecommenderState {
  return { ...state, users: users.map(readId), items: items.map(readId) };
}
