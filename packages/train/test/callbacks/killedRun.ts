/*
 * A run with checkpoints that may be killed at any moment, started as a process of its own:
 *
 *   node ... killedRun.ts FILE      prints "step N" lines, and at its end one JSON line of all cells and losses
 */
import {
  accumulateGradients,
  adam,
  averageWeights,
  checkpoint,
  clipGradients,
  mixedPrecision,
  mixup,
  reduceOnPlateau,
} from "../../src/index.js";
import { cellsOf, netLearner } from "../points.js";

const path = process.argv[2]!;
const learner = netLearner({ optimizer: adam() });
await learner.fitOneCycle(0.05, {
  epochs: 4,
  callbacks: [
    mixup(),
    accumulateGradients(2),
    mixedPrecision({ wait: 3 }),
    clipGradients({ norm: 1 }),
    averageWeights({ kind: "ema", decay: 0.9, reestimate: false }),
    reduceOnPlateau(),
    checkpoint(path, { every: 1 }),
    { order: 2e4, afterBatch: (run) => void (run.training && process.stdout.write(`step ${run.step}\n`)) },
  ],
});
const { losses, rows } = learner.history;
const table = rows.map(({ seconds, ...row }) => row);
process.stdout.write(`${JSON.stringify({ cells: await cellsOf(learner.model), losses, table })}\n`);
