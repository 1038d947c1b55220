/** From places on a map to pixels of the plot and back. */

import type { Place, View } from "../app/explorer";
import type { Extent } from "./plane-index";

/** Room around the outermost points, as a share of the map. */
const MARGIN = 0.04;

/** Pixels = scale times place plus shift; the second axis points upwards on the map. */
export interface Projection {
  width: number;
  height: number;
  scaleX: number;
  shiftX: number;
  scaleY: number;
  shiftY: number;
}

/** Lay the square around a map into a plot, as a view says. */
export function project(extent: Extent, view: View, width: number, height: number): Projection {
  const span = Math.max(extent.x[1] - extent.x[0], extent.y[1] - extent.y[0], 1e-6) * (1 + 2 * MARGIN);
  const scale = (Math.min(width, height) * view.zoom) / span;
  const middle = { x: (extent.x[0] + extent.x[1]) / 2, y: (extent.y[0] + extent.y[1]) / 2 };
  const x = middle.x + (view.x - 0.5) * span;
  const y = middle.y - (view.y - 0.5) * span;
  return {
    width,
    height,
    scaleX: scale,
    shiftX: width / 2 - scale * x,
    scaleY: -scale,
    shiftY: height / 2 + scale * y,
  };
}

export function toPixels(projection: Projection, place: Place): Place {
  return {
    x: projection.scaleX * place.x + projection.shiftX,
    y: projection.scaleY * place.y + projection.shiftY,
  };
}

export function toPlace(projection: Projection, pixels: Place): Place {
  return {
    x: (pixels.x - projection.shiftX) / projection.scaleX,
    y: (pixels.y - projection.shiftY) / projection.scaleY,
  };
}
