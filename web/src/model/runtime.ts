/** ONNX Runtime in WebAssembly, on one thread, started once. */

import * as ort from "onnxruntime-web/wasm";
import type { Source } from "../data/source";

let started: Promise<typeof ort> | null = null;

export function startRuntime(source: Source): Promise<typeof ort> {
  started ??= start(source);
  return started;
}

async function start(source: Source): Promise<typeof ort> {
  // More threads would need a server with headers of its own; a decoder takes less than a millisecond.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmBinary = (await source.bytes("ort.wasm")).buffer;
  ort.env.logLevel = "error";
  return ort;
}
