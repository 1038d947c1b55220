/** Sets of points: found by what is known of them, averaged, and suggested. */

import type { Explorer } from "../app/explorer";
import type { Colouring } from "./colouring";
import type { Model } from "./model";

/** Chunks of pictures that a mean is taken over: more say hardly more. */
const MAX_CHUNKS = 40;

/** Points whose category is one of some, or whose number lies in a range. */
export function pointsWhere(colouring: Colouring, matches: (value: number) => boolean): number[] {
  const points: number[] = [];
  colouring.values.forEach((value, point) => matches(value) && points.push(point));
  return points;
}

/** Points whose name or label holds a text. */
export function pointsNamed({ examples, count }: Explorer, text: string): number[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  return range(count).filter((point) =>
    `${examples.name(point)} ${examples.labelName(point)}`.toLowerCase().includes(wanted),
  );
}

/** The mean picture of some points, or of `count` drawn from many, and the deviation of each pixel. */
export async function averagePicture(
  { examples }: Explorer,
  points: readonly number[],
): Promise<{ mean: Float32Array; sd: Float32Array; count: number }> {
  const sampled = await examples.fetch(points, MAX_CHUNKS);
  const mean = new Float32Array(examples.size);
  const square = new Float32Array(examples.size);
  for (const point of sampled) {
    examples.peek(point)?.forEach((byte, pixel) => {
      const value = byte / 255;
      mean[pixel]! += value / sampled.length;
      square[pixel]! += (value * value) / sampled.length;
    });
  }
  const sd = square.map((value, pixel) => Math.sqrt(Math.max(0, value - (mean[pixel] as number) ** 2)));
  return { mean, sd, count: sampled.length };
}

/** The mean code (D) of some points. */
export async function meanCode(model: Model, points: readonly number[]): Promise<Float32Array> {
  const codes = await model.codes();
  const mean = new Float32Array(model.dim);
  for (const point of points) {
    for (let d = 0; d < model.dim; d++) mean[d]! += (codes[point * model.dim + d] as number) / points.length;
  }
  return mean;
}

/** The points of which a classifier is least certain. */
export async function leastCertain(model: Model, among: readonly number[], k: number): Promise<number[]> {
  const confidence = await model.scores("confidence");
  const known = among.filter((point) => Number.isFinite(confidence[point]));
  return known.sort((a, b) => (confidence[a] as number) - (confidence[b] as number)).slice(0, k);
}

/** The points nearest to the middle of each cluster, taken in turn; of all points, where there is none. */
export async function mostTypical(model: Model, among: readonly number[], k: number): Promise<number[]> {
  const clusters = model.info.clusters ? await model.clusters() : null;
  const groups = new Map<number, number[]>();
  for (const point of among) {
    const cluster = clusters?.[point] ?? 0;
    groups.set(cluster, [...(groups.get(cluster) ?? []), point]);
  }
  const ranked = await Promise.all([...groups.values()].map((points) => byDistanceToMean(model, points)));
  return range(k)
    .flatMap((place) => ranked.map((points) => points[place]))
    .filter((point) => point !== undefined)
    .slice(0, k);
}

async function byDistanceToMean(model: Model, points: number[]): Promise<number[]> {
  const [codes, mean] = [await model.codes(), await meanCode(model, points)];
  const distance = (point: number) =>
    mean.reduce((sum, value, d) => sum + ((codes[point * model.dim + d] as number) - value) ** 2, 0);
  const distances = new Map(points.map((point) => [point, distance(point)]));
  return points.sort((a, b) => (distances.get(a) as number) - (distances.get(b) as number));
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place);
}
