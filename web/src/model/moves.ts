/** How far points are from each other on two maps. */

import { extentOf } from "../plot/plane-index";
import type { Neighbour } from "./neighbours";

/** The points that lie farthest apart on two maps (n, 2), each in widths of its map. */
export function movedMost(first: Float32Array, second: Float32Array, k: number): Neighbour[] {
  const [from, to] = [first, second].map(inWidths) as [Float32Array, Float32Array];
  const moves: Neighbour[] = [];
  for (let point = 0; point < from.length / 2; point++) {
    const distance = Math.hypot(from[2 * point]! - to[2 * point]!, from[2 * point + 1]! - to[2 * point + 1]!);
    if (Number.isFinite(distance)) moves.push({ point, distance });
  }
  return moves.sort((a, b) => b.distance - a.distance).slice(0, k);
}

function inWidths(places: Float32Array): Float32Array {
  const { x, y } = extentOf(places);
  const span = Math.max(x[1] - x[0], y[1] - y[0]) || 1;
  return places.map((value, place) => (value - (place % 2 ? y[0] : x[0])) / span);
}
