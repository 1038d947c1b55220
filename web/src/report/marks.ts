/** What a chart draws, read from its paths: places in the drawing, and what is said of them. */

export interface Mark {
  x: number;
  y: number;
  /** What is said: the first line is its name. */
  lines: string[];
  /** Where its picture is. */
  tile?: { sprite: string; number: number };
  /** How far a place is from it. */
  distance(x: number, y: number): number;
}

/** All marks of a chart, from left to right. */
export function marksOf(chart: SVGSVGElement): Mark[] {
  const all: Mark[] = [];
  for (const element of chart.querySelectorAll<SVGGraphicsElement>("[data-about], [data-values], .dots")) {
    if (element.dataset["about"]) all.push(box(element, element.dataset["about"]));
    else if (element.dataset["values"]) all.push(...curve(chart, element, element.dataset["values"]));
    else all.push(...dots(chart, element));
  }
  return all.sort((a, b) => a.x - b.x || a.y - b.y);
}

/** The mark nearest to a place, if it is within reach; of those as near the one drawn last. */
export function nearest(all: Mark[], x: number, y: number, reach: number): Mark | null {
  let best: Mark | null = null;
  let least = reach;
  for (const mark of all) {
    const distance = mark.distance(x, y);
    if (distance <= least) [best, least] = [mark, distance];
  }
  return best;
}

function places(element: Element): [number, number][] {
  const path = element.getAttribute("d") ?? "";
  return [...path.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

function dots(chart: SVGSVGElement, element: SVGGraphicsElement): Mark[] {
  const { tiles = "", name = "" } = element.dataset;
  const { sprite = "" } = chart.dataset;
  const numbers = tiles.split(" ").map(Number);
  const numberOf = (index: number) => (tiles.endsWith("+") ? parseInt(tiles, 10) + index : (numbers[index] ?? -1));
  return places(element).map(([x, y], index) => {
    const number = tiles ? numberOf(index) : -1;
    const mark: Mark = { x, y, lines: [name], distance: (a, b) => Math.hypot(a - x, b - y) };
    if (sprite && number >= 0) mark.tile = { sprite, number };
    return mark;
  });
}

/** Measured values of a curve; between two of them the nearer one is meant. */
function curve(chart: SVGSVGElement, element: SVGGraphicsElement, values: string): Mark[] {
  const { x: xName = "", y: yName = "" } = chart.dataset;
  const at = places(element);
  return values.split(" ").flatMap((value, index) => {
    const [place, spot] = [at[index], value.split(":")];
    if (!place) return [];
    const [x, y] = place;
    const ends = [at[index - 1], at[index + 1]].filter((end) => end !== undefined);
    const spread = spot[2] ? ` ± ${spot[2]}` : "";
    return {
      x,
      y,
      lines: [element.dataset["name"] ?? "", `${xName} ${spot[0]}`, `${yName}: ${spot[1]}${spread}`],
      distance: (a, b) => Math.min(Math.hypot(a - x, b - y), ...ends.map((end) => toHalf(place, end, a, b))),
    };
  });
}

/** How far (a, b) is from the half of a line that begins at a measured value. */
function toHalf([x, y]: [number, number], end: [number, number], a: number, b: number): number {
  const [dx, dy] = [(end[0] - x) / 2, (end[1] - y) / 2];
  const along = ((a - x) * dx + (b - y) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(a - x - share * dx, b - y - share * dy);
}

function box(element: SVGGraphicsElement, about: string): Mark {
  const { x, y, width, height } = element.getBBox();
  const outside = (value: number, low: number, size: number) => Math.max(low - value, value - low - size, 0);
  return {
    x: x + width / 2,
    y: y + Math.min(height / 2, 8),
    lines: [about],
    distance: (a, b) => Math.hypot(outside(a, x, width), outside(b, y, height)),
  };
}
