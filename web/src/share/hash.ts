/** What is shown, in the address of the page: whoever opens it sees the same. */

import { batch, effect } from "@preact/signals";
import type { Background, Explorer, Tab } from "../app/explorer";
import type { Method } from "../data/manifest";

/** Characters that browsers and mail take in an address. */
const MAX_LENGTH = 6000;

/** Show what the address says, and keep it up to date from then on. */
export function followHash(explorer: Explorer): void {
  readHash(explorer, window.location.hash);
  window.addEventListener("hashchange", () => readHash(explorer, window.location.hash));
  let timer = 0;
  effect(() => {
    const hash = writeHash(explorer);
    clearTimeout(timer);
    timer = window.setTimeout(() => window.history.replaceState(null, "", hash), 200);
  });
}

function writeHash(explorer: Explorer): string {
  const { view, selection } = explorer;
  const { x, y, zoom } = view.value;
  const parts: Record<string, string> = {
    model: explorer.model.value.info.key,
    beside: explorer.second.value?.info.key ?? "",
    map: explorer.method.value,
    colour: explorer.colouring.value,
    hidden: [...explorer.hidden.value].join(","),
    behind: explorer.background.value,
    view: [x, y, zoom].map((number) => Number(number.toPrecision(6))).join(","),
    pins: explorer.pins.value.join(","),
    tab: explorer.tab.value,
  };
  const query = new URLSearchParams(Object.entries(parts).filter(([, value]) => value));
  const selected = writePoints(selection.value);
  if (selected && selected.length + query.toString().length < MAX_LENGTH) query.set("selection", selected);
  return `#${query}`;
}

function readHash(explorer: Explorer, hash: string): void {
  const query = new URLSearchParams(hash.slice(1));
  const { models, count } = explorer;
  const isPoint = (point: number) => Number.isInteger(point) && point >= 0 && point < count;
  const numbers = (key: string) => (query.get(key) ?? "").split(",").filter(Boolean).map(Number);
  const place = (key: string) => models.findIndex(({ info }) => info.key === query.get(key));
  batch(() => {
    if (place("model") >= 0) explorer.modelNumber.value = place("model");
    if (query.has("beside")) explorer.secondNumber.value = place("beside") >= 0 ? place("beside") : null;
    if (query.has("map")) explorer.chosenMethod.value = query.get("map") as Method;
    if (query.has("colour")) explorer.colouring.value = query.get("colour") ?? "none";
    if (query.has("hidden")) explorer.hidden.value = new Set(numbers("hidden"));
    if (query.has("behind")) explorer.background.value = query.get("behind") as Background;
    const [x, y, zoom] = numbers("view");
    if ([x, y, zoom].every(Number.isFinite) && zoom) explorer.view.value = { x: x!, y: y!, zoom };
    if (query.has("pins")) explorer.pins.value = numbers("pins").filter(isPoint);
    if (query.has("selection")) explorer.selection.value = readPoints(query.get("selection")!).filter(isPoint);
    if (query.has("tab")) explorer.tab.value = query.get("tab") as Tab;
  });
}

/** Write points as runs of steps between them, in base 36: most steps are short. */
function writePoints(points: readonly number[]): string {
  let last = 0;
  return [...points]
    .sort((a, b) => a - b)
    .map((point) => {
      const step = point - last;
      last = point;
      return step.toString(36);
    })
    .join(".");
}

function readPoints(text: string): number[] {
  let last = 0;
  return text.split(".").map((step) => (last += Number.parseInt(step, 36)));
}
