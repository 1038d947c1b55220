/** What lies behind the points: where they are dense, or where the decoder leaves the data. */

import type { Examples } from "../data/examples";
import type { Model } from "../model/model";
import type { Plane } from "../model/plane";
import type { Colour } from "./palette";
import type { Extent, PlaneIndex } from "./plane-index";
import { type Projection, toPixels } from "./projection";

const DENSITY_CELLS = 96;
const DECODED_CELLS = 40;

const DENSITY_COLOUR: Colour = [0, 114, 178];
const ERROR_COLOUR: Colour = [213, 94, 0];
const OPACITY = 140;

/** Values on a grid over the map, row by row from its lowest corner; NaN where there is none. */
export interface Grid {
  cells: number;
  extent: Extent;
  values: Float32Array;
  colour: Colour;
}

/** Count the points around every cell, each spread over its neighbours. */
export function densityGrid(index: PlaneIndex): Grid {
  const grid = emptyGrid(index.extent, DENSITY_CELLS, DENSITY_COLOUR);
  for (const point of index.points) {
    const x = index.places[2 * point] as number;
    const y = index.places[2 * point + 1] as number;
    grid.values[cellAt(grid, x, y)]! += 1;
  }
  for (let pass = 0; pass < 3; pass++) grid.values = blurred(grid.values, grid.cells);
  return grid;
}

/**
 * Decode the middle of every cell, and compare the image with that of the nearest example.
 *
 * @returns the root mean squared difference, on the scale 0 to 1
 */
export async function decoderGrid(model: Model, plane: Plane, index: PlaneIndex, examples: Examples): Promise<Grid> {
  const grid = emptyGrid(index.extent, DECODED_CELLS, ERROR_COLOUR);
  for (let row = 0; row < grid.cells; row++) {
    const places = Array.from({ length: grid.cells }, (_, column) => middleOf(grid, column, row));
    const codes = places.map(({ x, y }) => plane.at(x, y));
    const points = codes.map(({ nearest }) => nearest);
    const labels = points.map((point) => Math.max(0, examples.labels?.[point] ?? 0));
    const joined = Float32Array.from(codes.flatMap(({ code }) => [...code]));
    const images = await model.decode(joined, labels);
    await examples.fetch(points);
    points.forEach((point, column) => {
      const size = images.length / grid.cells;
      const image = images.subarray(column * size, (column + 1) * size);
      grid.values[row * grid.cells + column] = difference(image, examples.peek(point));
    });
  }
  return grid;
}

/** Lay a grid under the points: the higher a value, the less of the paper is seen. */
export function drawGrid(context: CanvasRenderingContext2D, grid: Grid, projection: Projection): void {
  const { x, y } = grid.extent;
  const from = toPixels(projection, { x: x[0], y: y[1] });
  const to = toPixels(projection, { x: x[1], y: y[0] });
  context.imageSmoothingQuality = "high";
  context.drawImage(gridCanvas(grid), from.x, from.y, to.x - from.x, to.y - from.y);
}

/** A pixel for each cell, the lowest row at the bottom. */
function gridCanvas({ cells, values, colour }: Grid): OffscreenCanvas {
  const canvas = new OffscreenCanvas(cells, cells);
  const image = new ImageData(cells, cells);
  const known = values.filter(Number.isFinite);
  const low = known.reduce((least, value) => Math.min(least, value), Infinity);
  const high = known.reduce((most, value) => Math.max(most, value), -Infinity);
  values.forEach((value, cell) => {
    const pixel = (cells - 1 - Math.floor(cell / cells)) * cells + (cell % cells);
    const share = (value - low) / (high - low || 1) || 0;
    image.data.set([...colour, OPACITY * share], 4 * pixel);
  });
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

function emptyGrid(extent: Extent, cells: number, colour: Colour): Grid {
  return { cells, extent, values: new Float32Array(cells * cells), colour };
}

function cellAt({ cells, extent }: Grid, x: number, y: number): number {
  const along = (value: number, [low, high]: [number, number]) =>
    Math.min(cells - 1, Math.floor(((value - low) / (high - low || 1)) * cells));
  return along(y, extent.y) * cells + along(x, extent.x);
}

function middleOf({ cells, extent }: Grid, column: number, row: number): { x: number; y: number } {
  const at = (place: number, [low, high]: [number, number]) => low + ((place + 0.5) / cells) * (high - low);
  return { x: at(column, extent.x), y: at(row, extent.y) };
}

/** Average each cell with its eight neighbours. */
function blurred(values: Float32Array, cells: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let row = 0; row < cells; row++) {
    for (let column = 0; column < cells; column++) {
      let sum = 0;
      for (let near = 0; near < 9; near++) {
        const [y, x] = [row + Math.floor(near / 3) - 1, column + (near % 3) - 1];
        if (x >= 0 && y >= 0 && x < cells && y < cells) sum += values[y * cells + x] as number;
      }
      result[row * cells + column] = sum / 9;
    }
  }
  return result;
}

function difference(image: Float32Array, example: Uint8Array | null): number {
  if (!example || example.length !== image.length) return NaN;
  const sum = image.reduce((total, value, pixel) => total + (value - (example[pixel] as number) / 255) ** 2, 0);
  return Math.sqrt(sum / image.length);
}
