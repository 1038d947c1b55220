/** The three canvases of a map, one above the other, and what is drawn on each. */

import type { Place, Tool, View } from "../app/explorer";
import type { Colouring } from "../model/colouring";
import { type Grid, drawGrid } from "./background";
import { css } from "./palette";
import type { PlaneIndex } from "./plane-index";
import { type Points, createPoints } from "./points";
import { type Projection, project, toPixels, toPlace } from "./projection";
import { rectangleOf } from "./region";
import { savePng, saveSvg } from "../share/picture";
import { type ThumbnailCache, drawThumbnails, placeThumbnails } from "./thumbnails";

/** Pixels around the cursor in which a point counts as under it. */
const REACH = 14;

export interface Scene {
  index: PlaneIndex;
  colouring: Colouring;
  colours: Uint8Array;
  view: View;
  grid: Grid | null;
  thumbnails: boolean;
  hovered: number | null;
  pins: readonly number[];
  /** Further places with a name: an image of one's own, the steps of a walk. */
  marks: readonly (Place & { name: string })[];
  outline: readonly Place[];
  tool: Tool;
  ink: string;
  paper: string;
}

export class Surface {
  private readonly points: Points;
  private readonly back: CanvasRenderingContext2D;
  private readonly front: CanvasRenderingContext2D;
  private scene: Scene | null = null;
  /** What was drawn behind marks and thumbnails; a move of the cursor changes none of it. */
  private drawn: readonly unknown[] = [];
  private frame = 0;

  constructor(
    private readonly canvases: { back: HTMLCanvasElement; points: HTMLCanvasElement; front: HTMLCanvasElement },
    private readonly cache: ThumbnailCache | null,
  ) {
    this.points = createPoints(canvases.points);
    this.back = canvases.back.getContext("2d") as CanvasRenderingContext2D;
    this.front = canvases.front.getContext("2d") as CanvasRenderingContext2D;
  }

  /** Points that this browser draws at most. */
  get maxCount(): number {
    return this.points.maxCount;
  }

  /** Show a scene from the next frame on. */
  show(scene: Scene): void {
    if (scene.index !== this.scene?.index) this.points.setPlaces(scene.index.places);
    if (scene.colours !== this.scene?.colours) this.points.setColours(scene.colours);
    this.scene = scene;
    this.request();
  }

  /** Draw again in the next frame: the size has changed. */
  request(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** The place of the map under a pixel of the plot. */
  placeAt(pixels: Place): Place | null {
    return this.scene && toPlace(this.projection(this.scene), pixels);
  }

  /** The point under a pixel of the plot; null where there is none nearby. */
  pointAt(pixels: Place): number | null {
    const { scene } = this;
    if (!scene) return null;
    const projection = this.projection(scene);
    const place = toPlace(projection, pixels);
    const near = scene.index
      .within(place.x, place.y, REACH / projection.scaleX)
      .filter((point) => this.isVisible(point))
      .map((point) => ({ point, distance: scene.index.distance(point, place.x, place.y) }))
      .sort((a, b) => a.distance - b.distance);
    return near[0]?.point ?? null;
  }

  /** Offer what is seen as a file. */
  save(format: "png" | "svg", title: string): void {
    const { scene } = this;
    if (!scene) return;
    const projection = this.projection(scene);
    if (format === "png") savePng(Object.values(this.canvases), scene.paper);
    else saveSvg(title, scene, projection, pointSize(scene.index.count, scene.view.zoom));
  }

  isVisible(point: number): boolean {
    return (this.scene?.colours[4 * point + 3] ?? 0) > 0;
  }

  private projection(scene: Scene): Projection {
    const { clientWidth, clientHeight } = this.canvases.front;
    return project(scene.index.extent, scene.view, clientWidth || 1, clientHeight || 1);
  }

  private draw(): void {
    const { scene } = this;
    if (!scene) return;
    const projection = this.projection(scene);
    for (const canvas of Object.values(this.canvases)) fit(canvas, projection);
    this.drawBehind(scene, projection);
    clear(this.front, projection);
    this.drawThumbnails(scene, projection);
    this.drawMarks(scene, projection);
    this.drawOutline(scene, projection);
  }

  /** Draw points and background, unless they are there already. */
  private drawBehind(scene: Scene, projection: Projection): void {
    const { width, height } = this.canvases.points;
    const wanted = [scene.index, scene.colours, scene.view, scene.grid, width, height];
    if (wanted.every((part, place) => part === this.drawn[place])) return;
    this.drawn = wanted;
    this.points.draw(projection, pointSize(scene.index.count, scene.view.zoom));
    clear(this.back, projection);
    if (scene.grid) drawGrid(this.back, scene.grid, projection);
  }

  private drawThumbnails(scene: Scene, projection: Projection): void {
    if (!scene.thumbnails || !this.cache) return;
    const thumbnails = placeThumbnails(scene.index, projection, (point) => this.isVisible(point));
    drawThumbnails(this.front, thumbnails, this.cache, (point) => this.colourOf(point));
  }

  private drawMarks(scene: Scene, projection: Projection): void {
    const placeOf = (point: number) => ({
      x: scene.index.places[2 * point] as number,
      y: scene.index.places[2 * point + 1] as number,
    });
    scene.pins.forEach((point, pin) => this.drawMark(toPixels(projection, placeOf(point)), String(pin + 1), scene));
    for (const mark of scene.marks) this.drawMark(toPixels(projection, mark), mark.name, scene);
    if (scene.hovered !== null) this.drawMark(toPixels(projection, placeOf(scene.hovered)), "", scene);
  }

  /** Draw a ring that stands out from points and paper, and a name beside it. */
  private drawMark({ x, y }: Place, name: string, { ink, paper }: Scene): void {
    const { front } = this;
    for (const [width, colour] of [
      [5, paper],
      [2, ink],
    ] as const) {
      front.lineWidth = width;
      front.strokeStyle = colour;
      front.beginPath();
      front.arc(x, y, 8, 0, 2 * Math.PI);
      front.stroke();
    }
    if (!name) return;
    front.font = "600 13px system-ui, sans-serif";
    front.lineWidth = 4;
    front.strokeStyle = paper;
    front.strokeText(name, x + 11, y - 7);
    front.fillStyle = ink;
    front.fillText(name, x + 11, y - 7);
  }

  private drawOutline({ outline, tool, ink }: Scene, projection: Projection): void {
    const [from, to] = [outline[0], outline[outline.length - 1]];
    if (!from || !to) return;
    const { front } = this;
    const corners = tool === "rectangle" ? rectangleOf(from, to) : outline;
    front.beginPath();
    for (const corner of corners) {
      const { x, y } = toPixels(projection, corner);
      front.lineTo(x, y);
    }
    front.closePath();
    front.setLineDash([5, 4]);
    front.lineWidth = 1.5;
    front.strokeStyle = ink;
    front.stroke();
    front.setLineDash([]);
  }

  private colourOf(point: number): string {
    const [red = 0, green = 0, blue = 0] = this.scene?.colours.subarray(4 * point) ?? [];
    return css([red, green, blue]);
  }
}

/** Give a canvas as many pixels as the screen has in its place. */
function fit(canvas: HTMLCanvasElement, { width, height }: Projection): void {
  const ratio = window.devicePixelRatio || 1;
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns) canvas.width = columns;
  if (canvas.height !== rows) canvas.height = rows;
}

/** Empty a canvas, which is then drawn on in the pixels of the page. */
function clear(context: CanvasRenderingContext2D, { width, height }: Projection): void {
  const ratio = context.canvas.width / width;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
}

/** Points grow as one comes nearer, and the fewer they are. */
function pointSize(count: number, zoom: number): number {
  const base = Math.min(9, Math.max(2.5, 220 / Math.sqrt(count)));
  return Math.min(14, base * Math.sqrt(Math.max(1, zoom)) ** 0.7);
}
