/** Lets a report answer: marks of charts under the cursor, and tables by a click on a header. */

import { marksOf, nearest, type Mark } from "./report/marks";
import { makeSortable } from "./report/tables";
import { Tooltip } from "./report/tooltip";

/** CSS pixels from which a mark is meant: of a mouse, and of a finger. */
const REACH = { fine: 14, coarse: 28 };
/** Which way an arrow key goes, in the drawing. */
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const tooltip = new Tooltip();
/** Whether what happens was done by keys. */
let byKeys = true;
const known = new WeakMap<SVGSVGElement, Mark[]>();

/** The marks of a chart, which are read when they are first needed. */
function marks(chart: SVGSVGElement): Mark[] {
  const all = known.get(chart) ?? marksOf(chart);
  known.set(chart, all);
  return all;
}

function point(event: PointerEvent): void {
  const chart = event.target instanceof Element && event.target.closest<SVGSVGElement>("svg[tabindex]");
  const matrix = chart && chart.getScreenCTM();
  if (!matrix) return tooltip.hide();
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  const reach = (event.pointerType === "mouse" ? REACH.fine : REACH.coarse) / matrix.a;
  const mark = nearest(marks(chart), at.x, at.y, reach);
  if (mark) tooltip.show(chart, mark);
  else tooltip.hide();
}

/** Goes to the nearest mark in a direction: a step aside counts twice. */
function neighbour(all: Mark[], from: Mark, [dx, dy]: [number, number]): Mark {
  let best = from;
  let least = Infinity;
  for (const mark of all) {
    const ahead = (mark.x - from.x) * dx + (mark.y - from.y) * dy;
    const aside = Math.abs((mark.x - from.x) * dy) + Math.abs((mark.y - from.y) * dx);
    if (ahead > 0.05 && ahead + 2 * aside < least) [best, least] = [mark, ahead + 2 * aside];
  }
  return best;
}

function press(chart: SVGSVGElement, event: KeyboardEvent): void {
  const all = marks(chart);
  const from = tooltip.markOf(chart) ?? all[0];
  const direction = ARROWS[event.key];
  if (!from) return;
  if (direction) tooltip.show(chart, neighbour(all, from, direction));
  else if (event.key === "Home") tooltip.show(chart, all[0]!);
  else if (event.key === "End") tooltip.show(chart, all.at(-1)!);
  else return;
  event.preventDefault();
}

for (const chart of document.querySelectorAll<SVGSVGElement>("svg.chart:not(.key)")) {
  if (!chart.querySelector("[data-about], [data-values], .dots")) continue;
  chart.setAttribute("tabindex", "0");
  chart.addEventListener("keydown", (event) => press(chart, event));
  chart.addEventListener("focus", () => {
    const first = marks(chart)[0];
    // A click says itself what it is about.
    if (first && byKeys) tooltip.show(chart, first);
  });
  chart.addEventListener("blur", () => tooltip.hide());
}
document.addEventListener("pointermove", point);
const atOnce = { capture: true, passive: true };
document.addEventListener("pointerdown", () => (byKeys = false), atOnce);
document.addEventListener("pointerdown", point);
document.documentElement.addEventListener("mouseleave", () => tooltip.hide());
document.addEventListener("keydown", () => (byKeys = true), atOnce);
document.addEventListener("keydown", (event) => event.key === "Escape" && tooltip.hide());
// What scrolls or changes its size takes its marks elsewhere.
document.addEventListener("scroll", () => tooltip.follow(), atOnce);
window.addEventListener("resize", () => tooltip.hide());
for (const table of document.querySelectorAll("table")) makeSortable(table);
