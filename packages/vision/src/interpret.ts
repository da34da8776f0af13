import { TensorError } from "@fai/tensor";

/** Predictions of a set and what was true. */
export interface InterpretationInput {
  /** Row after row, one number a class. */
  readonly probabilities: ArrayLike<number>;
  /** The true class of each row. */
  readonly targets: ArrayLike<number>;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Where each row stands in its set, when some of the set are missing. */
  readonly indices?: ArrayLike<number>;
}

/** What a model said of one row. */
export interface Verdict {
  /** The row, or where it stands in its set. */
  readonly index: number;
  /** Name of the true class. */
  readonly truth: string;
  /** Name of the class with the largest probability. */
  readonly prediction: string;
  /** Probability of the prediction. */
  readonly probability: number;
  /** -log of the true class's probability: how wrong it is. */
  readonly loss: number;
}

/** Two classes of which one is taken for the other. */
export interface Confusion {
  readonly truth: string;
  readonly prediction: string;
  readonly count: number;
}

/** What a classifier got right and wrong, as plain data for tables and for @fai/plot. */
export class Interpretation {
  readonly classes: readonly string[];
  /** Every row, in order. */
  readonly verdicts: readonly Verdict[];
  /** `confusionMatrix[truth][prediction]`: how many. */
  readonly confusionMatrix: readonly (readonly number[])[];

  /** Throws when the numbers of probabilities, targets and classes do not go together, or a target is no class. */
  constructor({ probabilities, targets, classes, indices }: InterpretationInput) {
    if (targets.length === 0 || probabilities.length !== targets.length * classes.length) {
      throw new TensorError(
        "Interpretation",
        `${probabilities.length} probabilities for ${targets.length} rows of ${classes.length} classes: expected one a row and class.`,
      );
    }
    this.classes = classes;
    const counts = classes.map(() => classes.map(() => 0));
    this.verdicts = Array.from({ length: targets.length }, (_, row) => {
      const truth = targets[row]!;
      const index = indices?.[row] ?? row;
      if (classes[truth] === undefined)
        throw new TensorError(
          "Interpretation",
          `row ${row} is of class ${truth}, and there are ${classes.length} classes.`,
        );
      const at = (label: number) => probabilities[row * classes.length + label]!;
      const best = classes.reduce((found, _, label) => (at(label) > at(found) ? label : found), 0);
      counts[truth]![best]!++;
      return {
        index,
        truth: classes[truth],
        prediction: classes[best]!,
        probability: at(best),
        loss: -Math.log(at(truth)),
      };
    });
    this.confusionMatrix = counts;
  }

  /** Share of rows that are right. */
  get accuracy(): number {
    return this.verdicts.filter(({ truth, prediction }) => truth === prediction).length / this.verdicts.length;
  }

  /** The pairs of classes that are confused, most often first; those confused less than `least` times (1) are left out. */
  mostConfused(least = 1): Confusion[] {
    const pairs = this.classes.flatMap((truth, i) =>
      this.classes.map((prediction, j) => ({ truth, prediction, count: i === j ? 0 : this.confusionMatrix[i]![j]! })),
    );
    return pairs.filter(({ count }) => count >= Math.max(1, least)).sort((a, b) => b.count - a.count);
  }

  /** The wrong rows of which the model was surest that they are not what they are. */
  mostWrong(count = 12): Verdict[] {
    const wrong = this.verdicts.filter(({ truth, prediction }) => truth !== prediction);
    return wrong.sort((a, b) => b.loss - a.loss || a.index - b.index).slice(0, count);
  }

  /** The right rows that the model was surest of. */
  mostRight(count = 12): Verdict[] {
    const right = this.verdicts.filter(({ truth, prediction }) => truth === prediction);
    return right.sort((a, b) => a.loss - b.loss || a.index - b.index).slice(0, count);
  }

  /** The rows whose prediction the model was least sure of, right or wrong. */
  mostUncertain(count = 12): Verdict[] {
    return [...this.verdicts].sort((a, b) => a.probability - b.probability || a.index - b.index).slice(0, count);
  }
}
