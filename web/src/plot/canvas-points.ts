/** Points drawn on a plain canvas, for browsers without WebGL 2. */

import type { Points } from "./points";
import type { Projection } from "./projection";

export class CanvasPoints implements Points {
  readonly maxCount = 5000;
  private readonly context: CanvasRenderingContext2D;
  private places = new Float32Array();
  private colours = new Uint8Array();

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext("2d") as CanvasRenderingContext2D;
  }

  setPlaces(places: Float32Array): void {
    this.places = places as Float32Array<ArrayBuffer>;
  }

  setColours(colours: Uint8Array): void {
    this.colours = colours as Uint8Array<ArrayBuffer>;
  }

  draw(projection: Projection, size: number): void {
    const { context, places, colours } = this;
    const ratio = this.canvas.width / projection.width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, projection.width, projection.height);
    const count = places.length / 2;
    // Points further back say nothing about those in front: evenly spaced ones stand for all.
    const step = Math.max(1, Math.ceil(count / this.maxCount));
    for (let point = 0; point < count; point += step) {
      const [red, green, blue, opacity] = colours.subarray(4 * point, 4 * point + 4);
      if (!opacity) continue;
      context.fillStyle = `rgb(${red} ${green} ${blue} / ${opacity / 255})`;
      const x = projection.scaleX * (places[2 * point] as number) + projection.shiftX;
      const y = projection.scaleY * (places[2 * point + 1] as number) + projection.shiftY;
      context.beginPath();
      context.arc(x, y, size / 2, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
