/** The selection: what it looks like, its name, what can be done with it, and what to label next. */

import { useEffect, useState } from "preact/hooks";
import { type NamedSelection, useExplorer } from "../app/explorer";
import { useLoaded } from "../app/loading";
import { loadNamed, removeNamed, saveNamed } from "../app/named";
import { leastCertain, averagePicture, mostTypical, range } from "../model/selection";
import { pointsCsv } from "../share/csv";
import { download } from "../share/download";
import { Picture } from "../ui/Picture";
import { PointStrip } from "../ui/PointStrip";
import { Arithmetic } from "./Arithmetic";
import { SelectBy } from "./SelectBy";
import { SelectionTable } from "./SelectionTable";
import { Button } from "../ui/Button";
import { Section } from "../ui/Section";

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
        <Button onClick={() => void exportCsv().catch(explorer.fail)}>Save as CSV</Button>
        <Button onClick={() => explorer.select([])}>Drop</Button>
      </form>
      <SelectionTable points={selection} />
    </section>
  );
}

function Average({ points }: { points: readonly number[] }) {
  const explorer = useExplorer();
  const { thumbnails } = explorer.manifest;
  const average = useLoaded(() => averagePicture(explorer, points), [points]);
  return (
    <div class="pictures">
      <Picture image={average?.mean} shape={thumbnails.shape} caption={`Mean of ${average?.count ?? points.length}`} />
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
    <Section title="Named selections">
      <ul class="named">
        {named.map((item) => (
          <li key={item.name}>
            <Button onClick={() => explorer.select(item.points)}>{`${item.name} (${item.points.length})`}</Button>
            <Button aria-label={`Remove ${item.name}`} onClick={() => remove(item)}>
              Remove
            </Button>
          </li>
        ))}
      </ul>
      <p class="hint">{kept}</p>
    </Section>
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
    <Section title="What should I label next?">
      {!asked && <Button onClick={() => setAsked(true)}>Suggest examples</Button>}
      {suggested?.labelled && <p class="hint">All examples have labels; these are worth a second look.</p>}
      {suggested && suggested.uncertain.length > 0 && <Suggested title="Least certain" points={suggested.uncertain} />}
      {suggested && <Suggested title="Most typical" points={suggested.typical} />}
    </Section>
  );
}

function Suggested({ title, points }: { title: string; points: readonly number[] }) {
  const explorer = useExplorer();
  return (
    <>
      <PointStrip title={title} points={points} />
      <Button onClick={() => explorer.select(points)}>Select these</Button>
    </>
  );
}
