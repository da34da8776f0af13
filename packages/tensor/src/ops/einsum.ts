import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { matmul } from "./contract.js";
import { expand, real, reshape, type TensorLike } from "./convert.js";
import { mul } from "./elementwise.js";
import { diagonal } from "./matrix.js";
import { permute } from "./movement.js";
import { sum } from "./reduce.js";

/** A tensor whose axes have names. */
interface Labeled {
  tensor: Tensor;
  labels: readonly string[];
}

/**
 * Products summed over named axes, as NumPy's einsum: `einsum("bij,bjk->bik", [x, y])`. Letters name axes, "..." stands for any
 * leading axes, a letter twice in one operand takes its diagonal; without "->" the letters that occur once remain, in alphabetical
 * order. Operands are contracted from left to right, each pair by one matmul.
 */
export function einsum(equation: string, operands: readonly TensorLike[]): Tensor {
  const tensors = operands.map((x) => real("einsum", x));
  const [left = "", right] = equation.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  if (terms.length !== tensors.length || tensors.length === 0) {
    throw new TensorError("einsum", `"${equation}" has ${terms.length} terms for ${tensors.length} tensors.`);
  }
  const named = terms.map((term, i) => ({
    tensor: tensors[i]!,
    labels: labelsOf(equation, term, specOf(tensors[i]!).shape.length),
  }));
  const dots = named.flatMap(({ labels }) => labels.filter((l) => l.length > 1));
  const ellipsis = [...new Set(dots)].sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  const output = right === undefined ? implicitOutput(terms, ellipsis) : explicitOutput(equation, right, ellipsis);
  const sizes = sizesOf(equation, named);
  for (const label of output)
    if (!sizes.has(label)) throw new TensorError("einsum", `"${equation}": the result's "${label}" is in no operand.`);
  const [first, ...rest] = named.map((x) => distinct(stretched(x, sizes))) as [Labeled, ...Labeled[]];
  const result = rest.reduce((a: Labeled, b, i) => {
    const later = new Set([...output, ...rest.slice(i + 1).flatMap((x) => x.labels)]);
    return contracted(
      without(a, (l) => later.has(l) || b.labels.includes(l)),
      without(b, (l) => later.has(l) || a.labels.includes(l)),
      later,
    );
  }, first);
  const { tensor, labels } = without(result, (l) => output.includes(l));
  return permute(
    tensor,
    output.map((l) => labels.indexOf(l)),
  );
}

/** One label an axis: letters, and "." with the distance from the end for those that "..." stands for. */
function labelsOf(equation: string, term: string, rank: number): string[] {
  if (!/^[a-zA-Z]*(\.\.\.)?[a-zA-Z]*$/.test(term))
    throw new TensorError("einsum", `"${equation}": "${term}" is no list of letters and "...".`);
  const [before, after] = term.includes("...") ? term.split("...") : [term, undefined];
  const letters = before!.length + (after?.length ?? 0);
  if (after === undefined ? letters !== rank : letters > rank) {
    throw new TensorError("einsum", `"${equation}": "${term}" names ${letters} axes of a tensor with ${rank}.`);
  }
  const hidden = Array.from({ length: rank - letters }, (_, i) => `.${rank - letters - i}`);
  return [...before!, ...hidden, ...(after ?? "")];
}

function implicitOutput(terms: readonly string[], ellipsis: readonly string[]): string[] {
  const letters = [...terms.join("").replaceAll(".", "")];
  return [...ellipsis, ...letters.filter((l) => letters.indexOf(l) === letters.lastIndexOf(l)).sort()];
}

function explicitOutput(equation: string, right: string, ellipsis: readonly string[]): string[] {
  const letters = right.replace("...", "");
  const labels = labelsOf(equation, right, letters.length + (right.includes("...") ? ellipsis.length : 0));
  if (new Set(labels).size !== labels.length)
    throw new TensorError("einsum", `"${equation}": the result names an axis twice.`);
  return labels;
}

/** The size of every label; size 1 broadcasts. */
function sizesOf(equation: string, operands: readonly Labeled[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { tensor, labels } of operands) {
    labels.forEach((label, i) => {
      const { shape } = specOf(tensor);
      const size = shape[i]!;
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size) {
        throw new TensorError(
          "einsum",
          `"${equation}": "${label}" has size ${known} in one operand and ${size} in another ${formatShape(shape)}.`,
        );
      }
      sizes.set(label, known === 1 ? size : known);
    });
  }
  return sizes;
}

function stretched({ tensor, labels }: Labeled, sizes: ReadonlyMap<string, number>): Labeled {
  return {
    tensor: expand(
      tensor,
      labels.map((l) => sizes.get(l)!),
    ),
    labels,
  };
}

/** Diagonals in place of labels that occur twice. */
function distinct({ tensor, labels }: Labeled): Labeled {
  const second = labels.findIndex((l, i) => labels.indexOf(l) < i);
  if (second < 0) return { tensor, labels };
  const label = labels[second]!;
  const first = labels.indexOf(label);
  const others = labels.filter((_, i) => i !== first && i !== second);
  return distinct({ tensor: diagonal(tensor, { axes: [first, second] }), labels: [...others, label] });
}

/** Axes that nobody needs, summed. */
function without({ tensor, labels }: Labeled, needed: (label: string) => boolean): Labeled {
  const axes = labels.map((_, i) => i).filter((i) => !needed(labels[i]!));
  return axes.length === 0 ? { tensor, labels } : { tensor: sum(tensor, axes), labels: labels.filter(needed) };
}

/** The product of two operands, summed over the labels of both that `later` does not hold: [batch, m, k] x [batch, k, n]. */
function contracted(a: Labeled, b: Labeled, later: ReadonlySet<string>): Labeled {
  const shared = a.labels.filter((l) => b.labels.includes(l));
  const batch = shared.filter((l) => later.has(l));
  const inner = shared.filter((l) => !later.has(l));
  const m = a.labels.filter((l) => !shared.includes(l));
  const n = b.labels.filter((l) => !shared.includes(l));
  const sizes = (x: Labeled, labels: readonly string[]) =>
    labels.map((l) => specOf(x.tensor).shape[x.labels.indexOf(l)]!);
  const grouped = (x: Labeled, ...groups: readonly (readonly string[])[]) => {
    const ordered = permute(
      x.tensor,
      groups.flat().map((l) => x.labels.indexOf(l)),
    );
    return reshape(
      ordered,
      groups.map((labels) => sizeOf(sizes(x, labels))),
    );
  };
  const product =
    inner.length === 0
      ? mul(grouped(a, batch, m, []), grouped(b, batch, [], n))
      : batch.length === 0
        ? matmul(grouped(a, m, inner), grouped(b, inner, n))
        : matmul(grouped(a, batch, m, inner), grouped(b, batch, inner, n));
  return {
    tensor: reshape(product, [...sizes(a, batch), ...sizes(a, m), ...sizes(b, n)]),
    labels: [...batch, ...m, ...n],
  };
}
