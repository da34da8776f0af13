import type { Backend, Executable } from "../backend.js";
import { Builder } from "./build.js";
import { emit, type Planned } from "./emit.js";
import { type Graph, Tokens, writeKey } from "./graph.js";

/** A plan that a backend made ready, kept for graphs of the same structure. */
export interface Entry {
  readonly key: Int32Array;
  readonly planned: Planned;
  readonly executable: Executable;
  readonly bytes: number;
  /** Filled anew for each submission, which copies them. */
  readonly scalars: Int32Array;
}

const capacity = { entries: 256, bytes: 64 * 2 ** 20 };
const churn = { misses: 8, within: 32 };

/** Plans by structural key, the least recently used dropped first: 256 plans or 64 MB a backend. */
export class PlanCache {
  private readonly backend: Backend;
  private readonly byHash = new Map<number, Entry[]>();
  private readonly used = new Set<Entry>();
  private readonly tokens = new Tokens();
  private bytes = 0;
  private recent: boolean[] = [];
  private warned = false;
  /** Lookups that found a plan, and that had to make one. */
  hits = 0;
  misses = 0;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  /** The plan of a graph; made when there is none of its structure. */
  lookup(graph: Graph, fused: boolean): Entry {
    writeKey(graph, this.tokens);
    this.tokens.push(fused ? 1 : 0);
    const bucket = this.byHash.get(this.tokens.hash);
    const found = bucket?.find((entry) => this.tokens.equals(entry.key));
    this.note(!found);
    if (found) {
      this.hits++;
      this.used.delete(found);
      this.used.add(found);
      return found;
    }
    this.misses++;
    const planned = emit(new Builder(graph, fused, this.backend.contractsHalves ?? false).build(), graph.roots);
    const executable = this.backend.compile(planned.plan);
    const key = this.tokens.copy();
    const bytes = key.byteLength + planned.plan.groups.length * 2048;
    const entry = { key, planned, executable, bytes, scalars: new Int32Array(planned.scalars.length) };
    const list = this.byHash.get(this.tokens.hash) ?? [];
    list.push(entry);
    this.byHash.set(this.tokens.hash, list);
    this.used.add(entry);
    this.bytes += entry.bytes;
    this.evict();
    return entry;
  }

  /** Drops every plan. */
  clear(): void {
    for (const entry of this.used) entry.executable.dispose();
    this.used.clear();
    this.byHash.clear();
    this.bytes = 0;
  }

  private evict(): void {
    for (const entry of this.used) {
      if (this.used.size <= capacity.entries && this.bytes <= capacity.bytes) return;
      if (this.used.size === 1) return;
      this.used.delete(entry);
      this.bytes -= entry.bytes;
      entry.executable.dispose();
      for (const [hash, list] of this.byHash) {
        const at = list.indexOf(entry);
        if (at < 0) continue;
        list.splice(at, 1);
        if (list.length === 0) this.byHash.delete(hash);
        break;
      }
    }
  }

  /** Warns once when steps keep missing the cache: some shape or parameter changes from step to step. */
  private note(miss: boolean): void {
    this.recent.push(miss);
    if (this.recent.length > churn.within) this.recent.shift();
    if (this.warned || this.misses < churn.misses * 2 || this.recent.filter(Boolean).length < churn.misses * 2) return;
    this.warned = true;
    console.warn(
      `[@fai/tensor] ${this.recent.filter(Boolean).length} of the last ${this.recent.length} submissions had a new structure and were planned anew. ` +
        "Does a shape, a slice position or an axis change every step? Pad batches to a few sizes, and slice host arrays instead of tensors.",
    );
  }
}
