/** The box beside a mark, with its picture. All that it says is text, whatever it looks like. */

import type { Mark } from "./marks";

const GAP = 14;
const RING = 6;
/** CSS pixels of a picture's longer side. */
const PICTURE = 70;

export class Tooltip {
  private readonly box = document.createElement("div");
  private readonly picture = document.createElement("canvas");
  private readonly words = document.createElement("div");
  private readonly ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  private mark: Mark | null = null;

  constructor() {
    this.box.className = "tip";
    this.box.setAttribute("role", "status");
    this.words.className = "words";
    this.ring.setAttribute("class", "here");
    this.box.append(this.picture, this.words);
    this.box.hidden = true;
    document.body.append(this.box);
  }

  /** The mark of a chart that is shown. */
  markOf(chart: Element): Mark | null {
    return this.ring.parentElement === chart ? this.mark : null;
  }

  show(chart: SVGSVGElement, mark: Mark): void {
    if (this.mark === mark) return;
    this.mark = mark;
    const example = this.draw(mark);
    const lines = example ? [...mark.lines, example] : mark.lines;
    this.words.replaceChildren(...lines.filter(Boolean).map(paragraph));
    this.ring.setAttribute("cx", `${mark.x}`);
    this.ring.setAttribute("cy", `${mark.y}`);
    this.ring.setAttribute("r", `${RING / (chart.getScreenCTM()?.a ?? 1)}`);
    chart.append(this.ring);
    this.box.hidden = false;
    this.place(chart, mark);
  }

  /** Goes where its mark has gone, if the chart has the focus; a cursor is elsewhere now. */
  follow(): void {
    const chart = document.activeElement;
    if (this.mark && chart instanceof SVGSVGElement && this.markOf(chart)) this.place(chart, this.mark);
    else this.hide();
  }

  hide(): void {
    this.mark = null;
    this.box.hidden = true;
    this.ring.remove();
  }

  /** Beside a mark, within the window. */
  private place(chart: SVGSVGElement, mark: Mark): void {
    const at = new DOMPoint(mark.x, mark.y).matrixTransform(chart.getScreenCTM() ?? undefined);
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const room = document.documentElement.clientWidth - width - 4;
    const right = at.x + GAP <= room ? at.x + GAP : at.x - GAP - width;
    this.box.style.left = `${Math.max(4, Math.min(right, room))}px`;
    this.box.style.top = `${at.y - GAP - height >= 4 ? at.y - GAP - height : at.y + GAP}px`;
  }

  /** Draws the picture of a mark, and returns what the example is called. */
  private draw({ tile }: Mark): string {
    const sprite = tile && document.getElementById(tile.sprite);
    this.picture.hidden = !(sprite instanceof HTMLImageElement && sprite.complete);
    if (!tile || !(sprite instanceof HTMLImageElement)) return "";
    const { columns = "1", rows = "1", points = "" } = sprite.dataset;
    const [width, height] = [sprite.naturalWidth / Number(columns), sprite.naturalHeight / Number(rows)];
    const column = tile.number % Number(columns);
    const row = Math.floor(tile.number / Number(columns));
    this.picture.width = width;
    this.picture.height = height;
    this.picture.style.width = `${(PICTURE * width) / Math.max(width, height)}px`;
    const canvas = this.picture.getContext("2d");
    canvas?.drawImage(sprite, column * width, row * height, width, height, 0, 0, width, height);
    const point = points.split(" ")[tile.number];
    return point ? `example ${Number(point).toLocaleString("en")}` : "";
  }
}

function paragraph(text: string): HTMLElement {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}
