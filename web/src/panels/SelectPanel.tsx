/** The selection: what it looks like, its name, what can be done with it, and what to label next. */

import { useEffect, useState } from "preact/hooks";
import { type NamedSelection, useExplorer } from "../app/explorer";
import { useLoaded } from "../app/loading";
import { loadNamed, removeNamed, saveNamed } from "../app/named";
import { leastCertain, averagePicture, mostTypical, range } from "../model/selection";
import { pointsCsv } from "../share/csv";
import { download } from "../share/download";
import { Picture } from "../ui/Picture";
import { Thumbnail } from "../ui/Thumbnail";
import { Arithmetic } from "./Arithmetic";
import { SelectBy } from "./SelectBy";
import { SelectionTable } from "./SelectionTable";

const SUGGESTED = 8;

export function SelectPanel() {
  const explorer = useExplorer();
  const selection = explorer.selection.value;
  useEffect(() => void loadNamed(explorer).catch(explorer.fail), []);
  return (
    <>
      <p aria-live="polite">
        {selection.length
          ? `${selection.length.toLocaleString("en")} of ${explorer.count.toLocaleString("en")} examples are selected.`
          : "Nothing is selected. Draw around examples with the lasso, or choose them here."}
      </p>
      <SelectBy />
      {selection.length > 0 && <Selected selection={selection} />}
      <NamedList />
      <Arithmetic />
      <Suggestions />
    </>
  );
}

function Selected({ selection }: { selection: readonly number[] }) {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const [name, setName] = useState("");
  const save = (event: Event) => {
    event.preventDefault();
    if (name.trim()) saveNamed(explorer, { name: name.trim(), points: selection }).catch(explorer.fail);
  };
  const exportCsv = async () =>
    download("selection.csv", new Blob([await pointsCsv(explorer, model, selection)], { type: "text/csv" }));
  return (
    <section aria-label="Selection">
      <Average points={selection} />
      <form class="buttons" onSubmit={save}>
        <input
          value={name}
          aria-label="Name of the selection"
          placeholder="Name it"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit">Keep</button>
        <button type="button" onClick={() => void exportCsv().catch(explorer.fail)}>
          Save as CSV
        </button>
        <button type="button" onClick={() => explorer.select([])}>
          Drop
        </button>
      </form>
      <SelectionTable points={selection} />
    </section>
  );
}

function Average({ points }: { points: readonly number[] }) {
  const explorer = useExplorer();
  const { thumbnails } = explorer.manifest;
  const average = useLoaded(() => (thumbnails ? averagePicture(explorer, points) : null), [points]);
  if (!thumbnails) return null;
  return (
    <div class="pictures">
      <Picture image={average?.mean} shape={thumbnails.shape} caption="Mean image" />
      <Picture image={average?.sd} shape={thumbnails.shape} caption="Spread (standard deviation)" />
    </div>
  );
}

function NamedList() {
  const explorer = useExplorer();
  const named = explorer.named.value;
  if (!named.length) return null;
  const kept = explorer.manifest.live
    ? "They are kept with the run: latentscape labels lists and exports them."
    : "This page forgets them when it is closed. Save them as CSV, or open the run with latentscape explore to keep them.";
  const remove = ({ name }: NamedSelection) => void removeNamed(explorer, name).catch(explorer.fail);
  return (
    <section aria-label="Named selections">
      <h3>Named selections</h3>
      <ul class="named">
        {named.map((item) => (
          <li key={item.name}>
            <button type="button" onClick={() => explorer.select(item.points)}>
              {`${item.name} (${item.points.length})`}
            </button>
            <button type="button" aria-label={`Remove ${item.name}`} onClick={() => remove(item)}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      <p class="hint">{kept}</p>
    </section>
  );
}

/** Points without a label and in no named selection: the least certain and the most typical ones. */
function Suggestions() {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const named = explorer.named.value;
  const [asked, setAsked] = useState(false);
  const suggested = useLoaded(async () => {
    if (!asked) return null;
    const taken = new Set(named.flatMap(({ points }) => points));
    const { labels } = explorer.examples;
    const open = range(explorer.count).filter((point) => !taken.has(point) && (labels?.[point] ?? -1) < 0);
    const rest = open.length ? open : range(explorer.count).filter((point) => !taken.has(point));
    return {
      labelled: !open.length,
      uncertain: model.score("confidence") ? await leastCertain(model, [...rest], SUGGESTED) : [],
      typical: await mostTypical(model, rest, SUGGESTED),
    };
  }, [asked, model, named]);
  return (
    <section aria-label="What to label next">
      <h3>What should I label next?</h3>
      {!asked && (
        <button type="button" onClick={() => setAsked(true)}>
          Suggest examples
        </button>
      )}
      {suggested?.labelled && <p class="hint">All examples have labels; these are worth a second look.</p>}
      {suggested && suggested.uncertain.length > 0 && <Strip title="Least certain" points={suggested.uncertain} />}
      {suggested && <Strip title="Most typical" points={suggested.typical} />}
    </section>
  );
}

function Strip({ title, points }: { title: string; points: readonly number[] }) {
  const explorer = useExplorer();
  return (
    <>
      <h4>{title}</h4>
      <ul class="strip">
        {points.map((point) => (
          <li key={point}>
            <button
              type="button"
              aria-label={`Pin ${explorer.examples.name(point)}`}
              onClick={() => explorer.togglePin(point)}
            >
              <Thumbnail point={point} caption={explorer.examples.labelName(point)} />
            </button>
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => explorer.select(points)}>
        Select these
      </button>
    </>
  );
}
