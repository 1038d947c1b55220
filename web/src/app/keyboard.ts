/** Keys that work anywhere on the page, but in fields that take text. */

import { type Explorer, type Tab, WHOLE } from "./explorer";

const TABS: readonly Tab[] = ["point", "decode", "draw", "select", "compare", "about"];

/** What each key does, as the help lists it. */
export const SHORTCUTS: { key: string; about: string; run: (explorer: Explorer) => void }[] = [
  { key: "m", about: "Move the map", run: (explorer) => (explorer.tool.value = "move") },
  { key: "l", about: "Select with a lasso", run: (explorer) => (explorer.tool.value = "lasso") },
  { key: "r", about: "Select with a rectangle", run: (explorer) => (explorer.tool.value = "rectangle") },
  { key: "t", about: "Show pictures or dots", run: ({ thumbnails }) => (thumbnails.value = !thumbnails.value) },
  { key: "d", about: "Light or dark", run: ({ dark }) => (dark.value = !dark.value) },
  { key: "0", about: "Show the whole map", run: ({ view }) => (view.value = WHOLE) },
  {
    key: "Escape",
    about: "Drop selection and pins",
    run: ({ selection, pins }) => {
      if (selection.value.length) selection.value = [];
      else pins.value = [];
    },
  },
];

export function pressShortcut(explorer: Explorer, event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || takesText(target)) return;
  const tab = TABS[Number(event.key) - 1];
  if (tab) explorer.tab.value = tab;
  else SHORTCUTS.find(({ key }) => key === event.key)?.run(explorer);
}

function takesText(element: HTMLElement): boolean {
  return element.matches("input:not([type=range]):not([type=checkbox]), textarea, select");
}
