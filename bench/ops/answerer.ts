import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program that answers each line with a number. */
export interface Answerer {
  ask(line: string): Promise<number>;
  stop(): void;
}

/** Starts it; `onHello` takes its first line, when it sends one by itself. */
export function answerer(command: string, args: readonly string[], onHello?: (line: string) => void): Answerer {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    if (line.done) throw new Error(`${command} ended`);
    return line.value;
  };
  let ready: Promise<void> = onHello ? next().then(onHello) : Promise.resolve();
  const ask = async (line: string) => {
    await ready;
    ready = Promise.resolve();
    child.stdin.write(`${line}\n`);
    return Number(await next());
  };
  return { ask, stop: () => child.stdin.end() };
}
