/** Moves the view by mouse, wheel, fingers and keys. */

import { select } from "d3-selection";
import { type ZoomBehavior, zoom as d3Zoom, zoomIdentity } from "d3-zoom";
import type { View } from "../app/explorer";

const MAX_ZOOM = 400;

/** Of the view that one press of a key moves, and by how much it zooms. */
const STEP = 0.1;
const KEY_ZOOM = 1.4;

export class Camera {
  private readonly zoom: ZoomBehavior<HTMLCanvasElement, unknown>;
  private following = false;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly moved: (view: View) => void,
    isMoving: () => boolean,
  ) {
    this.zoom = d3Zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([0.5, MAX_ZOOM])
      .filter((event: MouseEvent) => event.type === "wheel" || (isMoving() && !event.shiftKey && !event.button))
      .on("zoom", () => this.following || this.moved(this.view));
    select(canvas).call(this.zoom).on("dblclick.zoom", null);
  }

  /** Show a view that somebody else has chosen. */
  follow(view: View): void {
    const { side, left, top } = this.square;
    const { width, height } = this.size;
    const transform = zoomIdentity
      .translate(width / 2, height / 2)
      .scale(view.zoom)
      .translate(-(left + view.x * side), -(top + view.y * side));
    this.following = true;
    select(this.canvas).call(this.zoom.transform, transform);
    this.following = false;
  }

  private get view(): View {
    const { side, left, top } = this.square;
    const { width, height } = this.size;
    const transform = select(this.canvas).property("__zoom") as typeof zoomIdentity;
    const [x, y] = transform.invert([width / 2, height / 2]);
    return { x: (x - left) / side, y: (y - top) / side, zoom: transform.k };
  }

  private get size(): { width: number; height: number } {
    return { width: this.canvas.clientWidth || 1, height: this.canvas.clientHeight || 1 };
  }

  /** The square in the middle of the plot that the whole map fills. */
  private get square(): { side: number; left: number; top: number } {
    const { width, height } = this.size;
    const side = Math.min(width, height);
    return { side, left: (width - side) / 2, top: (height - side) / 2 };
  }
}

/** The view after a key is pressed; null where the key is none of the camera's. */
export function moveByKey(view: View, key: string): View | null {
  const step = STEP / view.zoom;
  switch (key) {
    case "ArrowLeft":
      return { ...view, x: view.x - step };
    case "ArrowRight":
      return { ...view, x: view.x + step };
    case "ArrowUp":
      return { ...view, y: view.y - step };
    case "ArrowDown":
      return { ...view, y: view.y + step };
    case "+":
    case "=":
      return { ...view, zoom: Math.min(MAX_ZOOM, view.zoom * KEY_ZOOM) };
    case "-":
      return { ...view, zoom: Math.max(0.5, view.zoom / KEY_ZOOM) };
    case "0":
      return { x: 0.5, y: 0.5, zoom: 1 };
    default:
      return null;
  }
}
