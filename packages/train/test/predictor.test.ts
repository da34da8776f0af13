import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensor } from "@fai/tensor";
import { crossEntropy, Linear } from "@fai/tensor/nn";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { encodePredictor, loadPredictor, savePredictor } from "../src/index.js";
import { Net, netLearner } from "./points.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "predictor-"));
});
afterAll(() => rm(folder, { recursive: true }));

const parts = () => ({
  kind: "flowers",
  model: new Linear(2, 3),
  architecture: { inputs: 2, outputs: 3 },
  preparation: { classes: ["iris", "lily", "rosé"], means: [0.5, 1], nested: { none: null, yes: true } },
  activation: crossEntropy,
});
interface Architecture {
  inputs: number;
  outputs: number;
}
const build = ({ architecture: { inputs, outputs } }: { architecture: Architecture }) => new Linear(inputs, outputs);

describe("a predictor", () => {
  it("comes back from a file and from bytes with its model and its preparation", async () => {
    const saved = parts();
    const path = join(folder, "made", "flowers.safetensors");
    await savePredictor(path, saved);
    const x = tensor([[1, 2]]);
    const logits = await saved.model.call(x).data();
    for (const source of [path, await encodePredictor(saved)]) {
      const loaded = await loadPredictor(source, "flowers", build);
      expect(loaded.preparation).toEqual(saved.preparation);
      expect([loaded.kind, loaded.activation, loaded.model.training]).toEqual(["flowers", "softmax", false]);
      const probabilities = await (await loaded.predict(x)).data();
      const sum = logits.reduce((total, value) => total + Math.exp(value), 0);
      probabilities.forEach((value, i) => {
        expect(value).toBeCloseTo(Math.exp(logits[i]!) / sum, 5);
      });
    }
  });

  test.each<[string, unknown, string]>([
    ["a Map", new Map([["a", 1]]), "[savePredictor] preparation.ids is Map, which is no plain data."],
    ["NaN", Number.NaN, "[savePredictor] preparation.ids is NaN"],
    ["a typed array", new Float32Array(2), "[savePredictor] preparation.ids is Float32Array"],
    ["undefined", undefined, "[savePredictor] preparation.ids is undefined"],
  ])("refuses %s, which JSON would change", async (_, ids, message) => {
    await expect(encodePredictor({ ...parts(), preparation: { ids } })).rejects.toThrow(message);
  });

  it("is written by a learner, with what makes predictions of its outputs", async () => {
    const learner = netLearner();
    await learner.fit(0.1);
    const path = join(folder, "net.safetensors");
    const info = { kind: "points", architecture: {}, preparation: { classes: ["below", "above"] } };
    await learner.savePredictor(path, info);
    const loaded = await loadPredictor(path, "points", () => new Net());
    expect([loaded.activation, loaded.preparation]).toEqual(["softmax", info.preparation]);
    const x = tensor([[1, 2, 3, 4]]);
    expect(await (await loaded.predict(x)).data()).toEqual(await (await learner.predict(x)).data());

    const own = netLearner({ activation: (output) => output.mul(2) });
    await expect(own.savePredictor(path, info)).rejects.toThrow(
      "[savePredictor] the learner has an activation of its own, which a file cannot hold.",
    );
    await own.savePredictor(path, { ...info, activation: "none" });
    expect((await loadPredictor(path, "points", () => new Net())).activation).toBe("none");
  });

  it("that cannot be read is named", async () => {
    const nowhere = join(folder, "nowhere.safetensors");
    await expect(loadPredictor(nowhere, "flowers", build)).rejects.toThrow(`[loadPredictor] ${nowhere} cannot be read`);
    await expect(loadPredictor("http://127.0.0.1:9/flowers", "flowers", build)).rejects.toThrow(
      "[loadPredictor] http://127.0.0.1:9/flowers cannot be reached",
    );
    const server = createServer((request, response) => {
      if (request.url === "/flowers") encodePredictor(parts()).then((bytes) => response.end(bytes));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const from = (path: string) => loadPredictor(new URL(`http://127.0.0.1:${port}${path}`), "flowers", build);
    expect((await from("/flowers")).kind).toBe("flowers");
    await expect(from("/weeds")).rejects.toThrow(/weeds answers 404 Not Found/);
    server.close();
  });

  it("of another kind, or of no predictor, is refused", async () => {
    const bytes = await encodePredictor(parts());
    await expect(loadPredictor(bytes, "cars", build)).rejects.toThrow(
      "[loadPredictor] the file is a predictor of kind flowers, expected cars.",
    );
    const { encodeSafetensors, stateDict } = await import("@fai/tensor/io");
    const weights = await encodeSafetensors(await stateDict(new Linear(2, 3)));
    await expect(loadPredictor(weights, "flowers", build)).rejects.toThrow("the file holds weights, but no predictor");
    await expect(loadPredictor(bytes, "flowers", () => new Linear(2, 2))).rejects.toThrow("[loadStateDict]");
  });
});
