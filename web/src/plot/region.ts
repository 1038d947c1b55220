/** Points inside what was drawn around them: a lasso or a rectangle. */

import type { Place } from "../app/explorer";
import type { PlaneIndex } from "./plane-index";

/** Return the points inside a closed line, or inside the rectangle of its first and last place. */
export function pointsInside(index: PlaneIndex, outline: readonly Place[], rectangle: boolean): number[] {
  const xs = outline.map(({ x }) => x);
  const ys = outline.map(({ y }) => y);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  const points = index.inside(x0, y0, x1, y1);
  if (rectangle) return points;
  const { places } = index;
  return points.filter((point) => isInside(outline, places[2 * point] as number, places[2 * point + 1] as number));
}

/** Whether a place is inside a polygon: a line to the right crosses it an odd number of times. */
function isInside(polygon: readonly Place[], x: number, y: number): boolean {
  let inside = false;
  let last = polygon[polygon.length - 1];
  for (const corner of polygon) {
    if (last && corner.y > y !== last.y > y) {
      const crossing = last.x + ((y - last.y) / (corner.y - last.y)) * (corner.x - last.x);
      if (x < crossing) inside = !inside;
    }
    last = corner;
  }
  return inside;
}

/** The corners of the rectangle between two places. */
export function rectangleOf(from: Place, to: Place): Place[] {
  return [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }];
}
