import { sizeOf } from "../../../shape.js";
import { address, walk } from "../codegen/space.js";
import { entry, type Kernel } from "../kernel.js";
import { type ContractRule, isVectorOperand } from "./context.js";
import { checkIndices } from "./faults.js";

/** gather: an invocation moves one element, or four where whole rows move. */
export const gather: ContractRule<"gather"> = ({ params, inputs, outputs, label }, _, group) => {
  const [x, index, out] = [inputs[0]!, inputs[1]!, outputs[0]!];
  if (sizeOf(out.shape) === 0) return [];
  const { axis } = params;
  const size = x.shape[axis]!;
  const check = checkIndices(index, size, group, label);
  const last = out.shape.length - 1;
  const byte = x.dtype === "u8" || x.dtype === "bool";
  const four =
    axis !== last &&
    index.strides[last] === 0 &&
    isVectorOperand(out, last) &&
    x.strides[last] === 1 &&
    x.offset % 4 === 0 &&
    x.strides.every((s, d) => d === last || s % 4 === 0);
  const names = out.shape.map((_, d) => `n${d}`);
  const { workgroup, grid, lines } = walk(out.shape, four ? 4 : 1, names);
  const from = names.map((name, d) => (d === axis ? "place" : name));
  const [source, target] = [address(x.strides, x.offset, from), address(out.strides, out.offset, names)];
  const code = [
    entry(workgroup),
    ...lines,
    `let place = bitcast<i32>(ld1(${address(index.strides, index.offset, names)}));`,
    `var moved = ${four ? "vec4u()" : "0u"};`,
    // An index out of range gives zero; the guard tells.
    `if (place >= 0 && place < ${size}) { moved = ${four ? `ldv0(${source})` : byte ? `u32(lb0(${source}))` : `ld0(${source})`}; }`,
    `${four ? "stv2" : byte ? "sb2" : "st2"}(${target}, moved);`,
    "}",
  ].join("\n");
  const kernel: Kernel = {
    label,
    places: [x, index, out].map(({ slot }) => ({ slot })),
    memory: four ? "vectors" : byte ? "atomics" : "words",
    code,
    workgroup,
    grid,
  };
  return [...check, kernel];
};
