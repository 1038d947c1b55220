/** Where a new code stands on a map, and how unlike the examples it is. */

import type { Explorer, Place } from "../app/explorer";
import type { Method } from "../data/manifest";
import type { Model } from "./model";
import { nearestCodes } from "./search";

/** Nearest examples whose places are averaged where a map has no formula. */
const AVERAGED = 5;

export async function placeCode(explorer: Explorer, model: Model, method: Method, code: Float32Array): Promise<Place> {
  const decoding = model.map(method)?.decode;
  if (decoding === "exact") return { x: code[0] as number, y: code[1] as number };
  if (decoding === "linear") return projectCode(model, method, code);
  const places = await model.places(method);
  const near = await nearestCodes(explorer, model, code, AVERAGED);
  const weights = near.map(({ distance }) => 1 / (distance + 1e-9));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const along = (axis: number) =>
    near.reduce(
      (sum, { point }, n) => sum + ((weights[n] as number) / total) * (places[2 * point + axis] as number),
      0,
    );
  return { x: along(0), y: along(1) };
}

async function projectCode(model: Model, method: Method, code: Float32Array): Promise<Place> {
  const { mean, axes } = await model.axes(method);
  const along = (axis: Float32Array) => {
    const length = axis.reduce((sum, value) => sum + value * value, 0) || 1;
    return axis.reduce((sum, value, d) => sum + value * ((code[d] as number) - (mean[d] as number)), 0) / length;
  };
  return { x: along(axes.subarray(0, mean.length)), y: along(axes.subarray(mean.length)) };
}

/** The distance of a code to the mean of the training codes under their covariance. */
export async function mahalanobis(model: Model, code: Float32Array): Promise<number> {
  const mean = await model.floats("anomaly/mean");
  const precision = await model.floats("anomaly/precision");
  const centred = code.map((value, d) => value - (mean[d] as number));
  const square = centred.reduce((sum, value, d) => {
    const row = precision.subarray(d * code.length, (d + 1) * code.length);
    return sum + value * row.reduce((inner, weight, other) => inner + weight * (centred[other] as number), 0);
  }, 0);
  return Math.sqrt(Math.max(0, square));
}

/** The mean squared difference per pixel. */
export function squaredError(image: Float32Array, other: Float32Array): number {
  return image.reduce((sum, value, pixel) => sum + (value - (other[pixel] as number)) ** 2, 0) / image.length;
}
