/*
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter-based generator, so the
 * same (seed, step, stream, element) gives the same bits on every device and in every order of evaluation.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const mid = ah * bl + ((al * bl) >>> 16);
  const low = (mid & 0xffff) + al * bh;
  return (ah * bh + Math.floor(mid / 65536) + Math.floor(low / 65536)) >>> 0;
}

/** Four random 32-bit words of a counter (4 words) and a key (2 words), written to `out`: Philox4x32 with 10 rounds. */
export function philox(counter: ArrayLike<number>, key: ArrayLike<number>, out: Uint32Array): Uint32Array {
  let [c0, c1, c2, c3] = [counter[0]! >>> 0, counter[1]! >>> 0, counter[2]! >>> 0, counter[3]! >>> 0];
  let k0 = key[0]! >>> 0;
  let k1 = key[1]! >>> 0;
  for (let round = 0; round < 10; round++) {
    const h0 = multiplyHigh(M0, c0);
    const l0 = Math.imul(M0, c0) >>> 0;
    const h1 = multiplyHigh(M1, c2);
    const l1 = Math.imul(M1, c2) >>> 0;
    c0 = (h1 ^ c1 ^ k0) >>> 0;
    c1 = l1;
    c2 = (h0 ^ c3 ^ k1) >>> 0;
    c3 = l0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  return out;
}

/** The two key words of a seed (a whole number up to 2^53). */
export function seedWords(seed: number): [number, number] {
  return [seed | 0, Math.floor(seed / 2 ** 32) | 0];
}

/** A stream of random numbers on the host: initializers, samplers and shuffles draw from it. Its state is two numbers. */
export class Generator {
  readonly seed: number;
  private drawn = 0;
  private readonly words = new Uint32Array(4);
  private readonly domain: number;

  /** `domain` separates generators of one seed. */
  constructor(seed: number, domain = 1) {
    this.seed = seed;
    this.domain = domain;
  }

  /** How many words were drawn; setting it back repeats them. */
  get position(): number {
    return this.drawn;
  }
  set position(at: number) {
    this.drawn = at;
    if (at % 4 !== 0) this.fill(at - (at % 4));
  }

  /** A random 32-bit word, 0 to 2^32 - 1. */
  bits(): number {
    if (this.drawn % 4 === 0) this.fill(this.drawn);
    return this.words[this.drawn++ % 4]!;
  }

  /** A uniform random number in [0, 1) with 24 bits. */
  uniform(): number {
    return (this.bits() >>> 8) * 2 ** -24;
  }

  /** A standard normal random number (Box-Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A random whole number from 0 below `n`. */
  below(n: number): number {
    return Math.floor(((this.bits() >>> 0) / 2 ** 32) * n);
  }

  /** 0 .. n-1 in random order (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = order[i]!;
      order[i] = order[j]!;
      order[j] = held;
    }
    return order;
  }

  private fill(at: number): void {
    philox([Math.floor(at / 4), 0, 0, this.domain], seedWords(this.seed), this.words);
  }
}

let seed = 0;
let step = 0;
let stream = 0;
let host = new Generator(0);

/** Starts all random numbers of the library anew: the same seed gives the same numbers on every device. */
export function manualSeed(value: number): void {
  seed = value;
  step = 0;
  stream = 0;
  host = new Generator(value);
}

/** The generator that initializers draw from. */
export function hostGenerator(): Generator {
  return host;
}

/** Where the next random node draws from: its ordinal since the last commit. */
export function drawStream(): { seed: number; step: number; stream: number } {
  return { seed, step, stream: stream++ };
}

/** Called when a submission commits cells: the next step draws new numbers. */
export function advanceStep(): void {
  step++;
  stream = 0;
}

/** The state of the random numbers, for checkpoints. */
export interface RandomState {
  seed: number;
  step: number;
  stream: number;
  drawn: number;
}

/** A copy of the state of the random numbers. */
export function randomState(): RandomState {
  return { seed, step, stream, drawn: host.position };
}

/** Continues from a saved state. */
export function setRandomState(state: RandomState): void {
  manualSeed(state.seed);
  step = state.step;
  stream = state.stream;
  host.position = state.drawn;
}
