import { TensorError } from "@fai/tensor";

/** The bytes behind an address. Throws, naming it, when it cannot be reached or answers with an error. */
export async function download(source: string | URL): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(source);
  } catch (cause) {
    throw new TensorError("loadPredictor", `${source} cannot be reached: ${(cause as Error).message}.`, { cause });
  }
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new TensorError("loadPredictor", `${source} answers ${response.status} ${response.statusText}.`);
}
