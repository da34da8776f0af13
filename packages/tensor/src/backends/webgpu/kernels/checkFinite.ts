import { sizeOf } from "../../../shape.js";
import { address, collapse, split } from "../codegen/space.js";
import { entry } from "../kernel.js";
import { type ContractRule, isVectorOperand } from "./context.js";
import { faultCode } from "./faults.js";

/** checkFinite: sets the guard when an exponent has all its bits. */
export const checkFinite: ContractRule<"checkFinite"> = ({ inputs, label }, _, group) => {
  const x = inputs[0]!;
  if (sizeOf(x.shape) === 0) return [];
  const { dims, lists } = collapse(x.shape, [x.strides]);
  const names = dims.map((_, d) => `n${d}`);
  const along = dims.length - 1;
  const four = along >= 0 && isVectorOperand({ ...x, shape: dims, strides: lists[0]! }, along);
  const total = sizeOf(dims) / (four ? 4 : 1);
  const groups = Math.min(1024, Math.ceil(total / 64));
  const at = address(lists[0]!, x.offset, names);
  const code = [
    entry([64, 1, 1]),
    "var found = false;",
    `for (var unit = i32(at.x); unit < ${total}; unit += ${groups * 64}) {`,
    `let point = unit${four ? " * 4" : ""};`,
    ...split("point", dims, names),
    four
      ? `found = found || any((ldv0(${at}) & vec4u(0x7f800000u)) == vec4u(0x7f800000u));`
      : `found = found || (ld0(${at}) & 0x7f800000u) == 0x7f800000u;`,
    "}",
    "if (!found) { return; }",
    "for (;;) {",
    `let was = atomicCompareExchangeWeak(&guard[0], 0u, ${faultCode("nonFinite", group)}u);`,
    "if (was.exchanged || was.old_value != 0u) { break; }",
    "} }",
  ].join("\n");
  return [
    {
      label,
      places: [{ slot: x.slot }],
      memory: four ? "vectors" : "words",
      guard: "fault",
      code,
      workgroup: [64, 1, 1],
      grid: [groups, 1, 1],
    },
  ];
};
