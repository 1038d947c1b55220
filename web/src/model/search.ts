/** The examples nearest to one: by their codes, and by their pixels. */

import type { Explorer } from "../app/explorer";
import { request } from "../data/source";
import type { Model } from "./model";
import { type Neighbour, nearest } from "./neighbours";

type Space = "codes" | "pixels";

/** Numbers that are compared in the page; of more the server is asked. */
const MAX_COMPARED = 20_000_000;

/** Find the points nearest to a code. */
export async function nearestCodes(
  explorer: Explorer,
  model: Model,
  code: Float32Array,
  k: number,
  skip = -1,
): Promise<Neighbour[]> {
  const codes = await model.codes();
  if (explorer.manifest.live && codes.length > MAX_COMPARED) {
    return askServer(model, "codes", code, k, skip);
  }
  return nearest(codes, code, k, skip);
}

/** Find the points whose pictures are nearest to a point's, as they are shown. */
export async function nearestPixels(explorer: Explorer, model: Model, point: number, k: number): Promise<Neighbour[]> {
  const picture = await explorer.examples.picture(point);
  if (explorer.manifest.live) return askServer(model, "pixels", Float32Array.from(picture), k, point);
  const pictures = (await explorer.source.array("images")) as Uint8Array;
  return nearest(pictures, picture, k, point).map((near) => ({ ...near, distance: near.distance / 255 }));
}

async function askServer(
  model: Model,
  space: Space,
  query: Float32Array,
  k: number,
  skip: number,
): Promise<Neighbour[]> {
  const parameters = new URLSearchParams({ model: model.info.key, space, k: String(k + 1) });
  const body = query.slice().buffer;
  const { buffer } = await request(`neighbours?${parameters}`, { method: "POST", body });
  const count = buffer.byteLength / 8;
  const points = new Int32Array(buffer, 0, count);
  const distances = new Float32Array(buffer, 4 * count, count);
  const neighbours = [...points].map((point, place) => ({ point, distance: distances[place] as number }));
  return neighbours.filter(({ point }) => point !== skip).slice(0, k);
}
