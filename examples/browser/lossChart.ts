import { makeSvg } from "./element.js";

const inner = { left: 34, right: 52, top: 12, bottom: 26 };

/** The curves of a training: the loss of each step, smoothed as well, and the accuracy on what was held out. */
export class LossChart {
  private steps = 1;
  private losses: number[] = [];
  private smoothed: number[] = [];
  private accuracies: { readonly step: number; readonly accuracy: number }[] = [];
  private drawing = false;
  private readonly svg: SVGSVGElement;

  constructor(svg: SVGSVGElement) {
    this.svg = svg;
    new ResizeObserver(() => this.changed()).observe(svg);
  }

  /** Empties the chart for a training of so many steps. */
  start(steps: number): void {
    Object.assign(this, { steps, losses: [], smoothed: [], accuracies: [] });
    this.changed();
  }

  addLoss(loss: number): void {
    this.losses.push(loss);
    // 0.9 of the average is kept; corrected for its start.
    const before = this.smoothed.at(-1);
    const share = before === undefined ? 1 : Math.max(0.1, 1 / this.losses.length);
    this.smoothed.push((before ?? 0) * (1 - share) + loss * share);
    this.changed();
  }

  addAccuracy(accuracy: number): void {
    if (Number.isFinite(accuracy)) this.accuracies.push({ step: this.losses.length, accuracy });
    this.changed();
  }

  /** The smoothed loss of the last step. */
  get loss(): number | undefined {
    return this.smoothed.at(-1);
  }

  private changed(): void {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.draw();
    });
  }

  private draw(): void {
    const { losses, smoothed, accuracies, steps } = this;
    const { clientWidth: width, clientHeight: height } = this.svg;
    const top = niceTop(Math.max(...losses, 0.1));
    const x = (step: number) => inner.left + (step / steps) * (width - inner.left - inner.right);
    const y = (share: number) => height - inner.bottom - share * (height - inner.top - inner.bottom);
    const path = (points: readonly (readonly [number, number])[]) =>
      points.map(([px, py], i) => `${i === 0 ? "M" : "L"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    const line = (values: readonly number[]) =>
      path(values.map((value, i) => [x(i + 1), y(Math.min(value, top) / top)]));
    const parts: SVGElement[] = [0, 0.5, 1].map((share) =>
      makeSvg("line", { class: "grid", x1: inner.left, x2: width - inner.right, y1: y(share), y2: y(share) }),
    );
    if (losses.length === 0) {
      const middle = { x: (inner.left + width - inner.right) / 2, y: y(0.5) - 8 };
      parts.push(makeSvg("text", { class: "axis", ...middle, "text-anchor": "middle" }, "Here the loss will fall"));
    } else {
      const corner = { x: width - inner.right, y: height - 6 };
      parts.push(makeSvg("text", { class: "axis", ...corner, "text-anchor": "end" }, `${steps} steps`));
      for (const share of [0, 0.5, 1]) {
        const text = makeSvg(
          "text",
          { class: "axis", x: inner.left - 6, y: y(share) + 4, "text-anchor": "end" },
          String(top * share),
        );
        parts.push(text);
      }
      parts.push(
        makeSvg("path", { class: "each-loss", d: line(losses) }),
        makeSvg("path", { class: "loss", d: line(smoothed) }),
      );
      const lossAt = y(Math.min(smoothed.at(-1)!, top) / top);
      const last = accuracies.at(-1);
      // The two names stand at the ends of their lines, and never on one another.
      const accuracyAt = last && y(last.accuracy);
      const gap = accuracyAt === undefined ? 99 : lossAt - accuracyAt;
      const push = Math.abs(gap) < 14 ? (14 - Math.abs(gap)) / 2 : 0;
      const end = x(losses.length) + 7;
      parts.push(makeSvg("text", { class: "loss-name", x: end, y: lossAt + 4 + (gap >= 0 ? push : -push) }, "loss"));
      if (last) {
        const points = accuracies.map(({ step, accuracy }) => [x(step), y(accuracy)] as const);
        parts.push(makeSvg("path", { class: "accuracy", d: path([[x(0), y(0)], ...points]) }));
        const words = `${Math.round(100 * last.accuracy)} %`;
        parts.push(
          makeSvg("text", { class: "accuracy-name", x: end, y: accuracyAt! + 4 - (gap >= 0 ? push : -push) }, words),
        );
      }
    }
    this.svg.replaceChildren(...parts);
    this.svg.setAttribute("aria-label", this.words());
  }

  private words(): string {
    const first = this.losses[0];
    if (first === undefined) return "Loss and accuracy over the steps of the training: nothing yet.";
    const accuracy = this.accuracies.at(-1)?.accuracy;
    const said = accuracy === undefined ? "" : ` ${Math.round(100 * accuracy)} % of the drawings held out are right.`;
    return `The loss went from ${first.toFixed(2)} to ${this.loss!.toFixed(2)} in ${this.losses.length} steps.${said}`;
  }
}

/** The next of 0.5, 1, 1.5, 2... */
function niceTop(value: number): number {
  return Math.ceil(2 * value) / 2;
}
