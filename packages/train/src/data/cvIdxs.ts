import { TensorError } from "@fai/tensor";

/** Options of `getCvIdxs`. */
export interface CvIdxsOptions {
  /** Which part, 0 for the first; parts of one seed do not overlap (0). */
  part?: number;
  /** Share of the rows (0.2). */
  share?: number;
  /** Seed of the permutation (42). */
  seed?: number;
}

/** Rows to validate on: a random part of 0 .. count - 1, the same as 0.7's get_cv_idxs draws with numpy. */
export function getCvIdxs(count: number, { part = 0, share = 0.2, seed = 42 }: CvIdxsOptions = {}): Int32Array {
  if (!(Number.isInteger(count) && count >= 0)) {
    throw new TensorError("getCvIdxs", `count is ${count}, expected a whole number of at least 0.`);
  }
  const size = Math.floor(share * count);
  return numpyPermutation(count, seed).subarray(part * size, (part + 1) * size);
}

/** 0 .. count - 1 in the order of numpy's `random.seed(seed); random.permutation(count)`. */
export function numpyPermutation(count: number, seed: number): Int32Array {
  const next = mersenneTwister(seed);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    // numpy draws from 0 .. i by masking bits and rejecting what is above
    const mask = 2 ** (32 - Math.clz32(i)) - 1;
    let j = (next() & mask) >>> 0;
    while (j > i) j = (next() & mask) >>> 0;
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}

/** MT19937 (Matsumoto and Nishimura, 1998): random 32-bit words. */
function mersenneTwister(seed: number): () => number {
  const [n, m] = [624, 397];
  const state = new Uint32Array(n);
  state[0] = seed >>> 0;
  for (let i = 1; i < n; i++) {
    const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(1812433253, before) + i;
  }
  let at = n;
  const twist = () => {
    for (let i = 0; i < n; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % n]! & 0x7fffffff);
      state[i] = state[(i + m) % n]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === n) twist();
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}
