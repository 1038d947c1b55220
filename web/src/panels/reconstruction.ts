/** What panels show of points and codes: decoded images. */

import type { Explorer } from "../app/explorer";
import { useLatest } from "../app/loading";
import { request } from "../data/source";
import type { Model } from "../model/model";

/** The label that a conditional model decodes a point with; the first one where it has none. */
export function labelOf(explorer: Explorer, point: number): number {
  return Math.max(0, explorer.examples.labels?.[point] ?? 0);
}

export async function codeOf(model: Model, point: number): Promise<Float32Array> {
  return (await model.codes()).slice(point * model.dim, (point + 1) * model.dim);
}

/** An example as it is, where a server has it and pictures are smaller; otherwise its picture. */
async function wholeExample({ examples, manifest }: Explorer, point: number) {
  const { thumbnails, live, shape } = manifest;
  if (!live || !thumbnails.reduced) return { picture: await examples.picture(point), shape: thumbnails.shape };
  const { buffer } = await request(`originals/${point}`);
  return { picture: new Float32Array(buffer), shape };
}

/** A point's code, its picture, and what the model makes of the code. */
interface SeenPoint {
  point: number;
  code: Float32Array;
  picture: Uint8Array | Float32Array;
  shape: readonly number[];
  reconstruction: Float32Array | undefined;
}

export function useSeenPoint(explorer: Explorer, model: Model, point: number | null): SeenPoint | undefined {
  const seen = useLatest(async () => (point === null ? undefined : see(explorer, model, point)), [model, point]);
  return point === null ? undefined : seen;
}

async function see(explorer: Explorer, model: Model, point: number): Promise<SeenPoint> {
  const code = await codeOf(model, point);
  const { picture, shape } = await wholeExample(explorer, point);
  const reconstruction = model.decodes ? await model.decode(code, [labelOf(explorer, point)]) : undefined;
  return { point, code, picture, shape, reconstruction };
}
