/** The page: a map, and beside it what is known of the point or the place under the cursor. */

import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Plot } from "../plot/Plot";
import { AboutPanel } from "../panels/AboutPanel";
import { ComparePanel } from "../panels/ComparePanel";
import { DecodePanel } from "../panels/DecodePanel";
import { DrawPanel } from "../panels/DrawPanel";
import { PointPanel } from "../panels/PointPanel";
import { SelectPanel } from "../panels/SelectPanel";
import { type Explorer, type Tab, useExplorer } from "./explorer";
import { useFiles } from "./files";
import { pressShortcut } from "./keyboard";
import { Legend } from "./Legend";
import { ThemeButton, useTheme } from "./theme";
import { Toolbar, Tools } from "./Toolbar";
import { Tour } from "./Tour";
import { Button } from "../ui/Button";

const TABS: { key: Tab; title: string; panel: ComponentType }[] = [
  { key: "point", title: "Example", panel: PointPanel },
  { key: "decode", title: "Decode", panel: DecodePanel },
  { key: "draw", title: "Draw", panel: DrawPanel },
  { key: "select", title: "Select", panel: SelectPanel },
  { key: "compare", title: "Compare", panel: ComparePanel },
  { key: "about", title: "About", panel: AboutPanel },
];

export function App() {
  const explorer = useExplorer();
  useTheme();
  useFiles(explorer);
  useEffect(() => {
    const listener = (event: KeyboardEvent) => pressShortcut(explorer, event);
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);
  return (
    <>
      <Header />
      <main>
        <div class="maps">
          <Plot model={explorer.model.value} />
          {explorer.second.value && <Plot model={explorer.second.value} />}
          <Tools />
          <Legend />
        </div>
        <Side />
      </main>
      <Notice />
      <Tour />
    </>
  );
}

function Header() {
  const { manifest, touring } = useExplorer();
  return (
    <header>
      <h1>{manifest.title}</h1>
      <Toolbar />
      <nav aria-label="Page">
        {manifest.report && <a href={manifest.report}>Report</a>}
        <Button onClick={() => (touring.value = true)}>Tour</Button>
        <ThemeButton />
      </nav>
    </header>
  );
}

function Side() {
  const explorer = useExplorer();
  const current = TABS.find(({ key }) => key === explorer.tab.value) ?? TABS[0]!;
  const Panel = current.panel;
  return (
    <aside aria-label="Details">
      <div class="tabs" role="tablist" aria-label="Details" onKeyDown={(event) => moveTab(explorer, event)}>
        {TABS.map(({ key, title }) => (
          <Button
            key={key}
            id={`tab-${key}`}
            role="tab"
            aria-selected={key === current.key}
            aria-controls="panel"
            onClick={() => (explorer.tab.value = key)}
          >
            {title}
          </Button>
        ))}
      </div>
      <div id="panel" role="tabpanel" aria-labelledby={`tab-${current.key}`}>
        <Panel />
      </div>
    </aside>
  );
}

/** Arrows open the panel to the left or to the right, and take the focus there. */
function moveTab(explorer: Explorer, event: KeyboardEvent): void {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const place = TABS.findIndex(({ key }) => key === explorer.tab.value) + step;
  const { key } = TABS[(place + TABS.length) % TABS.length]!;
  explorer.tab.value = key;
  document.getElementById(`tab-${key}`)?.focus();
}

function Notice() {
  const { notice } = useExplorer();
  return (
    <div class="notice" role="status" hidden={!notice.value}>
      <span>{notice.value}</span>
      <Button onClick={() => (notice.value = "")}>Close</Button>
    </div>
  );
}
