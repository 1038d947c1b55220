/** What draws the points: WebGL 2, or a plain canvas where there is none. */

import { CanvasPoints } from "./canvas-points";
import type { Projection } from "./projection";
import { WebglPoints } from "./webgl-points";

export interface Points {
  /** Points that it draws at most. */
  readonly maxCount: number;
  /** Places (n, 2) of the points. */
  setPlaces(places: Float32Array): void;
  /** Red, green, blue and opacity (n, 4) of the points; those of no opacity are not drawn. */
  setColours(colours: Uint8Array): void;
  /** Draw them all, each so many pixels wide. */
  draw(projection: Projection, size: number): void;
}

export function createPoints(canvas: HTMLCanvasElement): Points {
  const context = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
  // A canvas that was asked for WebGL in vain can still be asked for a plain context.
  return context ? new WebglPoints(context) : new CanvasPoints(canvas);
}
