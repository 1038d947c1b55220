/** Points of a map, sorted so that those near a place are found at once.
 *
 * A point without a place, which is NaN, is on no map: of single epochs some points alone are kept.
 */

import KDBush from "kdbush";
import type { Place } from "../app/explorer";
import type { Neighbour } from "../model/neighbours";

export interface Extent {
  x: [number, number];
  y: [number, number];
}

export class PlaneIndex {
  readonly extent: Extent;
  /** The points that have a place. */
  readonly points: Int32Array;
  private readonly tree: KDBush | null;

  /** @param places (n, 2) */
  constructor(readonly places: Float32Array) {
    this.points = placed(places);
    this.extent = extentOf(places);
    this.tree = this.points.length ? new KDBush(this.points.length, 64, Float32Array) : null;
    for (const point of this.points) this.tree?.add(places[2 * point]!, places[2 * point + 1]!);
    this.tree?.finish();
  }

  get count(): number {
    return this.points.length;
  }

  within(x: number, y: number, radius: number): number[] {
    return (this.tree?.within(x, y, radius) ?? []).map((place) => this.points[place]!);
  }

  inside(x0: number, y0: number, x1: number, y1: number): number[] {
    return (this.tree?.range(x0, y0, x1, y1) ?? []).map((place) => this.points[place]!);
  }

  /** How many points a rectangle would hold, if they lay evenly. */
  estimate(low: Place, high: Place): number {
    const { x, y } = this.extent;
    const share = ([from, to]: [number, number], a: number, b: number) =>
      Math.max(0, Math.min(to, b) - Math.max(from, a)) / (to - from || 1);
    return this.count * share(x, low.x, high.x) * share(y, low.y, high.y);
  }

  /** The `k` points nearest to a place, the nearest first. */
  nearest(x: number, y: number, k: number): Neighbour[] {
    const wanted = Math.min(k, this.count);
    const { extent } = this;
    const reach = Math.hypot(extent.x[1] - extent.x[0], extent.y[1] - extent.y[0]) || 1;
    // A circle that holds about as many as are wanted, if points lay evenly; then larger ones.
    let radius = reach * Math.sqrt(wanted / Math.max(1, this.count)) * 0.5;
    let points = this.within(x, y, radius);
    while (points.length < wanted && radius < Infinity) {
      radius *= 2;
      points = this.within(x, y, radius);
    }
    return points
      .map((point) => ({ point, distance: this.distance(point, x, y) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, k);
  }

  distance(point: number, x: number, y: number): number {
    return Math.hypot((this.places[2 * point] as number) - x, (this.places[2 * point + 1] as number) - y);
  }
}

/** The smallest and the largest places along both axes; those of no point do not count. */
export function extentOf(places: Float32Array): Extent {
  const x: [number, number] = [Infinity, -Infinity];
  const y: [number, number] = [Infinity, -Infinity];
  for (let place = 0; place < places.length; place += 2) {
    widen(x, places[place] as number);
    widen(y, places[place + 1] as number);
  }
  return x[0] <= x[1] ? { x, y } : { x: [-1, 1], y: [-1, 1] };
}

function placed(places: Float32Array): Int32Array {
  const points: number[] = [];
  for (let point = 0; point < places.length / 2; point++) {
    if (Number.isFinite(places[2 * point]) && Number.isFinite(places[2 * point + 1])) points.push(point);
  }
  return Int32Array.from(points);
}

function widen(range: [number, number], value: number): void {
  if (value < range[0]) range[0] = value;
  if (value > range[1]) range[1] = value;
}
