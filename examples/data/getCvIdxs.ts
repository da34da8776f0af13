const size = 624;

/** The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded as numpy's RandomState(seed) is: 32-bit words without end. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(size);
  state[0] = seed;
  for (let i = 1; i < size; i++) {
    const last = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(1812433253, last) + i;
  }
  let at = size;
  const twist = () => {
    for (let i = 0; i < size; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
      state[i] = state[(i + 397) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === size) twist();
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** 0 .. n-1 in the order of numpy's RandomState(seed).permutation(n). */
function numpyPermutation(n: number, seed: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const next = mersenneTwister(seed);
  for (let i = n - 1; i > 0; i--) {
    const mask = 2 ** (32 - Math.clz32(i)) - 1;
    let j = (next() & mask) >>> 0;
    while (j > i) j = (next() & mask) >>> 0;
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** The rows that fastai's get_cv_idxs(n) picks for validation: a share of numpy's permutation with seed 42. */
export function getCvIdxs(n: number, { share = 0.2, seed = 42 }: { share?: number; seed?: number } = {}): Int32Array {
  return numpyPermutation(n, seed).subarray(0, Math.floor(n * share));
}
