/** From a place on a map to a code: exactly, by principal components, or by the nearest points. */

import type { Decoding, Method } from "../data/manifest";
import type { PlaneIndex } from "../plot/plane-index";
import type { Model } from "./model";
import { nearest } from "./neighbours";

/** Nearest points on the map whose codes are averaged where a map has no inverse. */
const AVERAGED = 8;

/** Numbers that are compared to find the nearest example; with more, only those nearby are. */
const MAX_COMPARED = 8_000_000;
const NEARBY = 500;

export interface PlaneCode {
  code: Float32Array;
  decoding: Decoding;
  /** The example whose code is nearest, and how far it is. */
  nearest: number;
  distance: number;
}

export class Plane {
  private constructor(
    private readonly model: Model,
    private readonly codes: Float32Array,
    private readonly index: PlaneIndex,
    private readonly decoding: Decoding,
    private readonly linear: { mean: Float32Array; axes: Float32Array } | null,
  ) {}

  static async of(model: Model, method: Method, index: PlaneIndex): Promise<Plane> {
    const decoding = model.map(method)?.decode ?? "neighbours";
    const linear = decoding === "linear" ? await model.axes(method) : null;
    return new Plane(model, await model.codes(), index, decoding, linear);
  }

  at(x: number, y: number): PlaneCode {
    const code = this.codeAt(x, y);
    return { code, decoding: this.decoding, ...this.nearestTo(code, x, y) };
  }

  /** The code of a place alone. */
  codeAt(x: number, y: number): Float32Array {
    if (this.decoding === "exact") return Float32Array.of(x, y);
    if (this.linear) return this.project(this.linear, x, y);
    return this.average(x, y);
  }

  private project(linear: { mean: Float32Array; axes: Float32Array }, x: number, y: number) {
    const { mean, axes } = linear;
    const dim = mean.length;
    return mean.map((value, d) => value + x * (axes[d] as number) + y * (axes[dim + d] as number));
  }

  /** Average the codes of the nearest points, the nearer the heavier. */
  private average(x: number, y: number): Float32Array {
    const { dim } = this.model;
    // A mean of quantised codes is none of the codes that the decoder knows.
    const near = this.index.nearest(x, y, this.model.info.quantises ? 1 : AVERAGED);
    const scale = (near[near.length - 1]?.distance ?? 0) / 2 || 1;
    const weights = near.map(({ distance }) => Math.exp(-((distance / scale) ** 2) / 2));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const code = new Float32Array(dim);
    near.forEach(({ point }, place) => {
      const weight = (weights[place] as number) / total;
      for (let d = 0; d < dim; d++) code[d]! += weight * (this.codes[point * dim + d] as number);
    });
    return code;
  }

  private nearestTo(code: Float32Array, x: number, y: number): { nearest: number; distance: number } {
    const { dim } = this.model;
    if (this.codes.length <= MAX_COMPARED) {
      const [found] = nearest(this.codes, code, 1);
      return { nearest: found?.point ?? 0, distance: found?.distance ?? 0 };
    }
    const nearby = this.index.nearest(x, y, NEARBY).map(({ point }) => point);
    const codes = new Float32Array(nearby.length * dim);
    nearby.forEach((point, place) => codes.set(this.codes.subarray(point * dim, (point + 1) * dim), place * dim));
    const [found] = nearest(codes, code, 1);
    return { nearest: nearby[found?.point ?? 0] ?? 0, distance: found?.distance ?? 0 };
  }
}
