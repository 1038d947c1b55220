/** The colour of every point, from what it is coloured by, the legend and the selection. */

import type { Colouring } from "../model/colouring";
import { type Colour, UNKNOWN, categoryColour, scaleColour } from "./palette";

/** Opacity of points that are not selected, while others are. */
const FAINT = 0.12;

const SHADES = 256;

interface Emphasis {
  /** Categories that the legend leaves out. */
  hidden: ReadonlySet<number>;
  /** Points that stand out; all do where there are none. */
  selection: readonly number[];
  dark: boolean;
}

/** Red, green, blue and opacity (n, 4). */
export function pointColours(colouring: Colouring, count: number, emphasis: Emphasis): Uint8Array {
  const colours = new Uint8Array(4 * count);
  const { shadeOf, shades } = shadesOf(colouring, emphasis.dark);
  const opacity = opacityOf(count);
  const rest = emphasis.selection.length ? Math.round(FAINT * opacity) : opacity;
  for (let point = 0; point < count; point++) {
    const [red, green, blue] = shades[shadeOf(point)] ?? UNKNOWN;
    colours[4 * point] = red;
    colours[4 * point + 1] = green;
    colours[4 * point + 2] = blue;
    colours[4 * point + 3] = isHidden(colouring, point, emphasis.hidden) ? 0 : rest;
  }
  for (const point of emphasis.selection) {
    if (colours[4 * point + 3]) colours[4 * point + 3] = 255;
  }
  return colours;
}

function isHidden(colouring: Colouring, point: number, hidden: ReadonlySet<number>): boolean {
  return colouring.kind === "category" && hidden.size > 0 && hidden.has(colouring.values[point] ?? -1);
}

/** Where points crowd, each covers less. */
function opacityOf(count: number): number {
  return Math.round(255 * Math.min(0.9, Math.max(0.25, 40 / Math.sqrt(count))));
}

/** Colours are made once for each category, or each of 256 steps, and not for each point. */
function shadesOf(colouring: Colouring, dark: boolean): { shadeOf: (point: number) => number; shades: Colour[] } {
  if (colouring.kind === "category") {
    const shades = colouring.names.map((_, category) => categoryColour(category, dark));
    return { shadeOf: (point) => colouring.values[point] ?? -1, shades };
  }
  const { values, low, high } = colouring;
  const shades = Array.from({ length: SHADES }, (_, shade) => scaleColour(shade / (SHADES - 1)));
  const step = (SHADES - 1) / (high - low || 1);
  const clip = (shade: number) => Math.min(SHADES - 1, Math.max(0, Math.round(shade)));
  return { shadeOf: (point) => clip(((values[point] as number) - low) * step), shades };
}
