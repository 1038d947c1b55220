/** The start of the page: its data are opened, and everything is drawn. */

import { render } from "preact";
import { App } from "./app/App";
import { Explorer, ExplorerProvider } from "./app/explorer";
import { isNewcomer } from "./app/Tour";
import { openSource } from "./data/source";
import { followHash } from "./share/hash";

declare global {
  interface Window {
    /** Settles once the page answers; for scripts and tests. */
    latentscape: Promise<Explorer>;
  }
}

async function start(root: HTMLElement): Promise<Explorer> {
  const explorer = await Explorer.open(openSource());
  explorer.touring.value = isNewcomer();
  followHash(explorer);
  root.textContent = "";
  render(
    <ExplorerProvider value={explorer}>
      <App />
    </ExplorerProvider>,
    root,
  );
  return explorer;
}

const root = document.getElementById("app");
if (root) {
  window.latentscape = start(root);
  window.latentscape.catch((error: unknown) => {
    root.textContent = error instanceof Error ? error.message : String(error);
  });
}
