/** Nearest points, by comparing with all of them: exact, and a few milliseconds for 10,000. */

export interface Neighbour {
  point: number;
  distance: number;
}

/** Points whose nearest neighbour says how far neighbours are; fewer where there are many numbers. */
const SAMPLED = 100;
const MAX_COMPARED = 200_000_000;

/** Find the `k` rows of `values` (n, size) nearest to a query (size), the nearest first. */
export function nearest(
  values: Float32Array | Uint8Array,
  query: Float32Array | Uint8Array,
  k: number,
  skip = -1,
): Neighbour[] {
  const size = query.length;
  const count = values.length / size;
  const kept: Neighbour[] = [];
  let farthest = Infinity;
  for (let point = 0; point < count; point++) {
    if (point === skip) continue;
    const square = squaredDistance(values, point * size, query, farthest);
    if (square >= farthest) continue;
    insert(kept, { point, distance: square }, k);
    if (kept.length === k) farthest = kept[k - 1]?.distance ?? Infinity;
  }
  return kept.map(({ point, distance }) => ({ point, distance: Math.sqrt(distance) }));
}

/** Return the squared distance, or a number above `limit` as soon as it is known to be above. */
function squaredDistance(values: ArrayLike<number>, start: number, query: ArrayLike<number>, limit: number): number {
  let sum = 0;
  for (let place = 0; place < query.length; place++) {
    const difference = (values[start + place] as number) - (query[place] as number);
    sum += difference * difference;
    if (sum > limit) return sum;
  }
  return sum;
}

function insert(kept: Neighbour[], neighbour: Neighbour, k: number): void {
  let place = kept.length;
  while (place > 0 && (kept[place - 1] as Neighbour).distance > neighbour.distance) place--;
  kept.splice(place, 0, neighbour);
  if (kept.length > k) kept.pop();
}

/** The median distance of some points, evenly spaced, to the nearest other one. */
export function typicalDistance(codes: Float32Array, dim: number): number {
  const count = codes.length / dim;
  const sampled = Math.max(5, Math.min(SAMPLED, MAX_COMPARED / codes.length));
  const step = Math.max(1, Math.floor(count / sampled));
  const distances: number[] = [];
  for (let point = 0; point < count; point += step) {
    const code = codes.subarray(point * dim, (point + 1) * dim);
    const [other] = nearest(codes, code, 1, point);
    if (other) distances.push(other.distance);
  }
  distances.sort((a, b) => a - b);
  return distances[distances.length >> 1] ?? 0;
}
