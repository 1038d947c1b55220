/** The map as it is seen, as a PNG or an SVG file. */

import { css } from "../plot/palette";
import type { Scene } from "../plot/surface";
import { type Projection, toPixels } from "../plot/projection";
import { download } from "./download";

const SVG = "http://www.w3.org/2000/svg";

/** Lay the canvases of a plot over each other. */
export function savePng(layers: readonly HTMLCanvasElement[], paper: string): void {
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [layers[0]?.width ?? 1, layers[0]?.height ?? 1];
  const context = picture.getContext("2d") as CanvasRenderingContext2D;
  context.fillStyle = paper;
  context.fillRect(0, 0, picture.width, picture.height);
  for (const layer of layers) context.drawImage(layer, 0, 0);
  picture.toBlob((content) => content && download("map.png", content));
}

/** Write the points that are seen as circles, with the names of the pins. */
export function saveSvg(title: string, scene: Scene, projection: Projection, size: number): void {
  const { width, height } = projection;
  const svg = element("svg", { xmlns: SVG, viewBox: `0 0 ${width} ${height}`, width, height });
  svg.append(element("title", {}, title));
  svg.append(element("rect", { width, height, fill: scene.paper }));
  const { places } = scene.index;
  const pixelsOf = (point: number) => toPixels(projection, { x: places[2 * point]!, y: places[2 * point + 1]! });
  for (const point of scene.index.points) {
    const [red = 0, green = 0, blue = 0, opacity = 0] = scene.colours.subarray(4 * point, 4 * point + 4);
    const { x, y } = pixelsOf(point);
    if (!opacity || !(x > -size && y > -size && x < width + size && y < height + size)) continue;
    const fill = css([red, green, blue], Number((opacity / 255).toFixed(2)));
    svg.append(element("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: (size / 2).toFixed(1), fill }));
  }
  scene.pins.forEach((point, pin) => {
    const { x, y } = pixelsOf(point);
    svg.append(element("circle", { cx: x, cy: y, r: 8, fill: "none", stroke: scene.ink, "stroke-width": 2 }));
    svg.append(element("text", { x: x + 11, y: y - 7, fill: scene.ink, "font-family": "sans-serif" }, String(pin + 1)));
  });
  const text = new XMLSerializer().serializeToString(svg);
  download("map.svg", new Blob([text], { type: "image/svg+xml" }));
}

function element(name: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const created = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key !== "xmlns") created.setAttribute(key, String(value));
  }
  created.textContent = text;
  return created;
}
