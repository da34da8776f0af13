import { openCpuSync } from "#cpuSync";
import type { Allocation, Backend, GuardReport } from "./backend.js";
import { type Cell, discard, queuedAssignments } from "./cell.js";
import { byteSize, type HostArray, hostArray } from "./dtype.js";
import { invariant, TensorError } from "./errors.js";
import { type DeviceBuffer, isRealized, type Node, type OpParams, specOf, type Value } from "./node.js";
import { type Entry, PlanCache } from "./plan/cache.js";
import { explain } from "./plan/explain.js";
import { capture, type Graph } from "./plan/graph.js";
import { advanceStep, seedWords } from "./random.js";
import { formatShape, sizeOf } from "./shape.js";

let current: Backend | undefined;
const caches = new WeakMap<Backend, PlanCache>();
let fused = true;

/** Frees the memory of realized tensors that nobody holds any more: only a safety net, nothing relies on its timing. */
const forgotten = new FinalizationRegistry<DeviceBuffer>((buffer) => buffer.backend.release(buffer.allocation));

/** Runs everything after this call on `backend` (the CPU is the default). Cells stay where their last step ran. */
export function use(backend: Backend): Backend {
  current = backend;
  return backend;
}

/** The device that computes. */
export function backend(): Backend {
  return (current ??= openCpuSync());
}

/** Switches kernel fusion off or on (on), for tests: the results are the same but for rounding. */
export function setFusion(on: boolean): void {
  fused = on;
}

/** Counts of plans found and made, for tests and profiles. */
export function planStatistics(): { hits: number; misses: number } {
  const { hits, misses } = cacheOf(backend());
  return { hits, misses };
}

function cacheOf(device: Backend): PlanCache {
  let cache = caches.get(device);
  if (!cache) caches.set(device, (cache = new PlanCache(device)));
  return cache;
}

/**
 * Computes tensors and every queued assignment in one submission, keeps the tensors on the device, and returns at once.
 * The promise settles when the submission has run; it rejects, and no cell has changed, when an index was out of range
 * or a checked value was not finite.
 */
export function realize(...tensors: Value[]): Promise<void> {
  for (const t of tensors) t.node.kept = true;
  return submit(tensors);
}

/** The kernels that `realize(...tensors)` would run, as text; nothing runs. */
export function explainPlan(...tensors: Value[]): string {
  const graph = capture(tensors, queuedAssignments());
  for (const node of graph.nodes) placeCell(node, backend());
  return explain(cacheOf(backend()).lookup(graph, fused).planned.plan);
}

function submit(tensors: readonly Value[]): Promise<void> {
  const device = backend();
  try {
    const queued = queuedAssignments();
    if (queued.size === 0 && tensors.every(isRealized))
      return Promise.all(tensors.map((t) => t.node.device[t.index]?.ready)).then(() => {});
    const graph = capture(tensors, queued);
    for (const node of graph.nodes) placeCell(node, device);
    const entry = cacheOf(device).lookup(graph, fused);
    return run(device, graph, entry);
  } catch (error) {
    discard();
    throw error;
  }
}

/** Cells live on the device from their first use on; other host leaves are sent along with each submission. */
function placeCell(node: Node, device: Backend): void {
  const existing = node.device[0];
  if (existing && existing.backend !== device) {
    const name = (node.cell?.cell as Cell | undefined)?.name || "a tensor";
    throw new TensorError(
      "realize",
      `${name} is on ${existing.backend.name}, the computation runs on ${device.name}. Call await evict() on its cell, or await its data(), before use()?`,
    );
  }
  const host = node.host[0];
  if (!node.cell || existing || !host) return;
  const cell = node.cell.cell as Cell;
  if (cell.version !== node.cell.version) return;
  const allocation = device.allocate(Math.max(host.byteLength, 1));
  device.write(allocation, host);
  cell.place({ backend: device, allocation, ready: Promise.resolve() });
}

function run(device: Backend, graph: Graph, { planned, executable, scalars }: Entry): Promise<void> {
  const results = new Map<number, Allocation>();
  const cells = new Map<number, Allocation>();
  const bound = planned.bound.map((binding): Allocation => {
    if (binding.kind === "leaf") return graph.nodes[binding.position]!.device[binding.index]!.allocation;
    const made = binding.kind === "cell" ? cells : results;
    const allocation =
      binding.kind === "cell"
        ? cellAllocation(device, graph.roots[binding.root]!.cell!)
        : allocateRoot(device, graph, binding.root);
    made.set(binding.root, allocation);
    return allocation;
  });
  const uploads = planned.uploads.map((b): HostArray => {
    invariant(b.kind === "leaf", "an upload is a leaf");
    return graph.nodes[b.position]!.host[b.index]!;
  });
  fillScalars(graph, planned.scalars, scalars);
  let ran: Promise<GuardReport | undefined>;
  try {
    ran = device.submit(executable, { bound, uploads, scalars });
  } catch (error) {
    for (const allocation of results.values()) device.release(allocation);
    throw error;
  }
  const names = planned.sites.map((p) => (p < 0 ? undefined : graph.nodes[p]!));
  const ready = ran.then((report) => {
    if (report) throw faultError(report, names[report.group]);
  });
  // A fault is reported by whoever awaits the results; a cell then simply holds its old value.
  const settled = ready.catch(() => {});
  graph.roots.forEach((root, i) => {
    const node = graph.nodes[root.position]!;
    if (root.cell) {
      root.cell.commit({
        backend: device,
        allocation: cells.get(i) ?? cellAllocation(device, root.cell),
        ready: settled,
      });
      return;
    }
    let allocation = results.get(i);
    // Empty tensors have no kernel and so no binding.
    if (!allocation) allocation = device.allocate(1);
    if (node.device[root.index]) {
      device.release(allocation);
      return;
    }
    const buffer = { backend: device, allocation, ready };
    node.holdDevice(root.index, buffer);
    forgotten.register(node, buffer, buffer);
  });
  if (graph.roots.some((root) => root.cell)) advanceStep();
  return ready;
}

function cellAllocation(device: Backend, cell: Cell): Allocation {
  const existing = cell.committedNode.device[0];
  if (existing && existing.backend === device) return existing.allocation;
  const allocation = device.allocate(Math.max(sizeOf(cell.shape) * byteSize[cell.dtype], 1));
  cell.place({ backend: device, allocation, ready: Promise.resolve() });
  return allocation;
}

function allocateRoot(device: Backend, graph: Graph, root: number): Allocation {
  const { position, index } = graph.roots[root]!;
  const { shape, dtype } = specOf({ node: graph.nodes[position]!, index });
  return device.allocate(Math.max(sizeOf(shape) * byteSize[dtype], 1));
}

const bits = new DataView(new ArrayBuffer(4));

function fillScalars(graph: Graph, sources: Entry["planned"]["scalars"], out: Int32Array): void {
  sources.forEach(({ position, field, type }, i) => {
    const params = graph.nodes[position]!.params as OpParams["constant"] & OpParams["random"] & OpParams["pad"];
    if (field === "value" || field === "padValue") {
      const value = field === "value" ? params.value : (params.value as number);
      if (type === "i32") out[i] = value;
      else {
        bits.setFloat32(0, value, true);
        out[i] = bits.getInt32(0, true);
      }
    } else if (field === "seedLow") out[i] = seedWords(params.seed)[0];
    else if (field === "seedHigh") out[i] = seedWords(params.seed)[1];
    else out[i] = params[field];
  });
}

function faultError(report: GuardReport, node: Node | undefined): TensorError {
  if (report.fault === "nonFinite") {
    const what = node?.op === "checkFinite" ? (node.params as OpParams["checkFinite"]).what : "a value";
    return new TensorError(
      "checkFinite",
      `${what} is not finite (NaN or infinite); nothing was updated. Lower the learning rate, clip gradients, or look for bad input.`,
    );
  }
  const op = node?.op ?? "gather";
  const axis = node ? (node.params as OpParams["gather"]).axis : 0;
  const sizes = node ? (op === "gather" ? specOf(node.inputs[0]!).shape : node.shape) : [];
  return new TensorError(
    op,
    `index ${report.value} is out of range for axis ${axis} of ${formatShape(sizes)} (valid: 0 to ${(sizes[axis] ?? 0) - 1}); nothing was updated. ` +
      "Are category, token or class ids encoded with the table that the model was made for?",
  );
}

/** The host copy of a value (not to be changed): computes it when needed; its device memory goes unless it is kept. */
export async function readHost(value: Value): Promise<HostArray> {
  const { node, index } = value;
  const host = node.host[index];
  if (host) return host;
  const known = node.reading[index];
  if (known) return known;
  const promise = copyToHost(value);
  node.holdReading(index, promise);
  try {
    return await promise;
  } finally {
    node.holdReading(index, undefined);
  }
}

async function copyToHost(value: Value): Promise<HostArray> {
  const { node, index } = value;
  if (!node.device[index]) {
    if (node.op === "leaf") refuseLost(node);
    void submit([value]).catch(() => {}); // `ready` below reports it
  }
  const buffer = node.device[index];
  invariant(buffer, "submit gives a result its buffer");
  const { shape, dtype } = specOf(value);
  const read = buffer.backend.read(buffer.allocation, hostArray(dtype, sizeOf(shape)));
  // Both may fail, and neither may fail unheard.
  const [data] = await Promise.all([read, buffer.ready]);
  if (node.cell) return data; // a cell's memory changes with its next commit: the copy is the reader's
  node.holdHost(index, data);
  if (!node.kept && node.device[index] === buffer) {
    node.holdDevice(index, undefined);
    forgotten.unregister(buffer);
    buffer.backend.release(buffer.allocation);
  }
  return data;
}

function refuseLost(node: Node): never {
  const { cell, version } = node.cell ?? {};
  throw new TensorError(
    "data",
    `${cell?.name || "the tensor"} v${version} was overwritten, it is now v${cell?.version}. Read it before the step, or read the cell's value.`,
  );
}
