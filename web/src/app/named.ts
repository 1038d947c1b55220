/** Selections with a name: kept with the run by the server, or by the page alone. */

import { request } from "../data/source";
import type { Explorer, NamedSelection } from "./explorer";

export async function loadNamed(explorer: Explorer): Promise<void> {
  if (!explorer.manifest.live) return;
  const bytes = await request("labels");
  explorer.named.value = JSON.parse(new TextDecoder().decode(bytes)) as NamedSelection[];
}

/** Name the selection; one of the same name is replaced. */
export async function saveNamed(explorer: Explorer, selection: NamedSelection): Promise<void> {
  if (explorer.manifest.live) {
    const path = `labels/${encodeURIComponent(selection.name)}`;
    await request(path, { method: "PUT", body: JSON.stringify(selection) });
  }
  explorer.named.value = [...others(explorer, selection.name), selection];
}

export async function removeNamed(explorer: Explorer, name: string): Promise<void> {
  if (explorer.manifest.live) await request(`labels/${encodeURIComponent(name)}`, { method: "DELETE" });
  explorer.named.value = others(explorer, name);
}

function others(explorer: Explorer, name: string): NamedSelection[] {
  return explorer.named.value.filter((item) => item.name !== name);
}
