/** Pictures of points, where there is room for them on the map. */

import type { Examples } from "../data/examples";
import { imageCanvas } from "../ui/pictures";
import type { PlaneIndex } from "./plane-index";
import { type Projection, toPixels, toPlace } from "./projection";

/** Pixels of the longer side of a picture. */
const SIZE = 28;

/** Pixels that a picture takes with its frame. */
const SPACE = SIZE + 5;

/** Pictures are drawn once there is room for this share of the points that are seen. */
const SHARE = 0.25;

const MAX_CACHED = 4000;

export interface Thumbnail {
  point: number;
  x: number;
  y: number;
}

/** Choose points in the plot whose pictures do not cover each other. */
export function placeThumbnails(
  index: PlaneIndex,
  projection: Projection,
  isVisible: (point: number) => boolean,
): Thumbnail[] {
  const { width, height } = projection;
  const low = toPlace(projection, { x: 0, y: height });
  const high = toPlace(projection, { x: width, y: 0 });
  const room = (width * height) / (SIZE * SIZE * SHARE);
  if (index.estimate(low, high) > 10 * room) return [];
  const points = index.inside(low.x, low.y, high.x, high.y);
  if (points.length > room) return [];
  const taken = new Map<string, Thumbnail>();
  const thumbnails: Thumbnail[] = [];
  // In the order of the data, so that the same pictures stay while the view moves.
  for (const point of points.sort((a, b) => a - b)) {
    if (!isVisible(point)) continue;
    const place = { x: index.places[2 * point] as number, y: index.places[2 * point + 1] as number };
    const { x, y } = toPixels(projection, place);
    const thumbnail = { point, x, y };
    if (take(taken, thumbnail)) thumbnails.push(thumbnail);
  }
  return thumbnails;
}

/** Take the place of a picture, if none that has one covers it: cells hold one picture each at most. */
function take(taken: Map<string, Thumbnail>, thumbnail: Thumbnail): boolean {
  const { x, y } = thumbnail;
  const [column, row] = [Math.floor(x / SPACE), Math.floor(y / SPACE)];
  for (let near = 0; near < 9; near++) {
    const other = taken.get(`${column + Math.floor(near / 3) - 1},${row + (near % 3) - 1}`);
    if (other && Math.abs(other.x - x) < SPACE && Math.abs(other.y - y) < SPACE) return false;
  }
  taken.set(`${column},${row}`, thumbnail);
  return true;
}

/** Canvases of the pictures that were drawn lately. */
export class ThumbnailCache {
  private readonly canvases = new Map<number, HTMLCanvasElement>();

  constructor(private readonly examples: Examples) {}

  /** The picture of a point; null until it is loaded. */
  get(point: number): HTMLCanvasElement | null {
    const known = this.canvases.get(point);
    if (known) return known;
    const { thumbnails } = this.examples.manifest;
    const image = this.examples.peek(point);
    if (!image) return null;
    if (this.canvases.size >= MAX_CACHED) this.canvases.clear();
    const canvas = imageCanvas(image, thumbnails.shape);
    this.canvases.set(point, canvas);
    return canvas;
  }
}

/** Draw the pictures that are loaded, with a frame of their point's colour. */
export function drawThumbnails(
  context: CanvasRenderingContext2D,
  thumbnails: readonly Thumbnail[],
  cache: ThumbnailCache,
  colourOf: (point: number) => string,
): void {
  context.imageSmoothingEnabled = false;
  for (const { point, x, y } of thumbnails) {
    const picture = cache.get(point);
    if (!picture) continue;
    const scale = SIZE / Math.max(picture.width, picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    context.fillStyle = colourOf(point);
    context.fillRect(x - width / 2 - 2, y - height / 2 - 2, width + 4, height + 4);
    context.drawImage(picture, x - width / 2, y - height / 2, width, height);
  }
}
