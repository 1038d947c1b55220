/** Encoder and decoder of a model: in the page, or else the server's PyTorch. */

import type * as ort from "onnxruntime-web/wasm";
import type { Manifest, ModelInfo } from "../data/manifest";
import { type Source, SourceError, request } from "../data/source";
import { product } from "../data/values";
import { startRuntime } from "./runtime";

/** Codes (B, D), one after the other, to images (B, ...) on the scale 0 to 1. */
export type Decode = (codes: Float32Array, labels: readonly number[]) => Promise<Float32Array>;

/** Images (B, ...) on the scale 0 to 1 to codes (B, D). */
export type Encode = (images: Float32Array, labels: readonly number[]) => Promise<Float32Array>;

/** Examples that are decoded at once: more would keep the page from answering. */
const BATCH = 256;

export async function openDecoder(source: Source, model: ModelInfo): Promise<Decode> {
  const { manifest } = source;
  const size = product(manifest.shape);
  if (model.decoder) {
    const run = await openSession(source, `${model.key}/decoder`);
    return inBatches(model.latent_dim, size, (codes, labels) =>
      run("codes", codes, [codes.length / model.latent_dim, model.latent_dim], labels),
    );
  }
  if (manifest.live) return inBatches(model.latent_dim, size, onServer("decode", model));
  throw new SourceError(model.decoder_reason || "This page holds no decoder.");
}

export async function openEncoder(source: Source, model: ModelInfo): Promise<Encode> {
  const { manifest } = source;
  const size = product(manifest.shape);
  if (model.encoder) {
    const run = await openSession(source, `${model.key}/encoder`);
    return inBatches(size, model.latent_dim, (images, labels) =>
      run("images", stored(images, manifest), [images.length / size, ...manifest.shape], labels),
    );
  }
  if (manifest.live) return inBatches(size, model.latent_dim, onServer("encode", model));
  throw new SourceError(model.encoder_reason || "This page holds no encoder.");
}

/** Turn values from 0 to 1 into those that the model was trained on. */
function stored(images: Float32Array, manifest: Manifest): Float32Array | Uint8Array {
  const [low, high] = manifest.range;
  const values = images.map((value) => low + value * (high - low));
  return manifest.byte_values ? Uint8Array.from(values, Math.round) : values;
}

type RunSession = (
  input: string,
  values: Float32Array | Uint8Array,
  shape: number[],
  labels: readonly number[],
) => Promise<Float32Array>;

async function openSession(source: Source, name: string): Promise<RunSession> {
  const runtime = await startRuntime(source);
  const session = await runtime.InferenceSession.create((await source.array(name)) as Uint8Array);
  return async (input, values, shape, labels) => {
    const feeds: Record<string, ort.Tensor> = {
      [input]: new runtime.Tensor(values instanceof Uint8Array ? "uint8" : "float32", values, shape),
    };
    if (session.inputNames.includes("labels")) {
      feeds.labels = new runtime.Tensor("int64", BigInt64Array.from(labels, BigInt), [shape[0] ?? 0]);
    }
    const outputs = await session.run(feeds);
    return outputs[session.outputNames[0] ?? ""]?.data as Float32Array;
  };
}

function onServer(command: "decode" | "encode", model: ModelInfo): Decode {
  return async (values, labels) => {
    const query = new URLSearchParams({ model: model.key });
    if (model.conditional) query.set("labels", labels.join(","));
    const body = values.slice().buffer;
    const bytes = await request(`${command}?${query}`, { method: "POST", body });
    return new Float32Array(bytes.buffer);
  };
}

/** Cut examples of `from` numbers each into batches, and join what comes out: `to` numbers each. */
function inBatches(from: number, to: number, run: Decode): Decode {
  return async (values, labels) => {
    const count = values.length / from;
    if (count <= BATCH) return run(values, labels);
    const joined = new Float32Array(count * to);
    for (let start = 0; start < count; start += BATCH) {
      const stop = Math.min(start + BATCH, count);
      const batch = values.subarray(start * from, stop * from);
      joined.set(await run(batch, labels.slice(start, stop)), start * to);
    }
    return joined;
  };
}
