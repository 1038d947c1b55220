/** Colours of categories and of numbers, which the colour-blind can tell apart. */

export type Colour = [number, number, number];

/** Paul Tol's muted colours, as in the report; on dark paper they are lighter. */
const LIGHT = [
  "#332288",
  "#5fb3de",
  "#44aa99",
  "#117733",
  "#999933",
  "#c9ad3c",
  "#cc6677",
  "#882255",
  "#aa4499",
  "#777777",
];
const DARK = [
  "#7d74e8",
  "#88ccee",
  "#44bba8",
  "#3f9f5a",
  "#b4b450",
  "#ddcc77",
  "#e07f8f",
  "#c2528a",
  "#cf6fc0",
  "#a0a0a0",
];

/** Cividis in five steps (Nuñez, Anderton and Renslow 2018). */
const SCALE = ["#00224e", "#404c6c", "#7c7b78", "#bcae6c", "#fee838"];

export const UNKNOWN: Colour = [150, 150, 150];

export function categoryColour(category: number, dark: boolean): Colour {
  if (category < 0) return UNKNOWN;
  const colours = dark ? DARK : LIGHT;
  return parse(colours[category % colours.length] as string);
}

/** The colour of a number from 0 to 1. */
export function scaleColour(value: number): Colour {
  if (!Number.isFinite(value)) return UNKNOWN;
  const place = Math.min(1, Math.max(0, value)) * (SCALE.length - 1);
  const step = Math.min(SCALE.length - 2, Math.floor(place));
  const [low, high] = [parse(SCALE[step] as string), parse(SCALE[step + 1] as string)];
  return low.map((channel, c) => channel + (place - step) * ((high[c] as number) - channel)) as Colour;
}

export function css([red, green, blue]: Colour, alpha = 1): string {
  return `rgb(${Math.round(red)} ${Math.round(green)} ${Math.round(blue)} / ${alpha})`;
}

function parse(hex: string): Colour {
  return [1, 3, 5].map((place) => Number.parseInt(hex.slice(place, place + 2), 16)) as Colour;
}
