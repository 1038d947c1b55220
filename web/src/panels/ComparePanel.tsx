/** A second model beside the first, and the epochs of a training. */

import { useEffect, useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import { useLoaded } from "../app/loading";
import { movedMost } from "../model/moves";
import { Choice } from "../ui/Choice";
import { formatNumber } from "../ui/Bars";
import { NeighbourStrip } from "./NeighbourStrip";
import { Button } from "../ui/Button";

const MOVED = 12;

/** Milliseconds between two epochs that are played. */
const PACE = 700;

export function ComparePanel() {
  const explorer = useExplorer();
  const epochs = explorer.model.value.info.snapshots;
  return (
    <>
      {explorer.models.length > 1 ? (
        <SecondModel />
      ) : (
        <p class="hint">A study shows two models side by side: latentscape explore STUDY.</p>
      )}
      {epochs.length > 1 ? (
        <Epochs epochs={epochs} />
      ) : (
        <p class="hint">
          Training keeps the codes of single epochs, to be played here, with --set train.snapshots=[1,2,5,10].
        </p>
      )}
    </>
  );
}

function SecondModel() {
  const explorer = useExplorer();
  const [model, second] = [explorer.model.value, explorer.second.value];
  const method = explorer.method.value;
  const moved = useLoaded(
    async () => second && movedMost(await model.places(method), await second.places(method), MOVED),
    [model, second, method],
  );
  const options = explorer.models.map(({ info }, number) => ({ key: String(number), title: info.label }));
  return (
    <section aria-label="Two models">
      <Choice
        label="Beside it"
        options={[{ key: "", title: "Nothing" }, ...options]}
        value={String(explorer.secondNumber.value ?? "")}
        onChange={(key) => (explorer.secondNumber.value = key ? Number(key) : null)}
      />
      {second?.info.aligned && (
        <p class="hint">
          Its map was turned, mirrored and scaled onto the first one (Procrustes), which changes no neighbours.
        </p>
      )}
      {moved && <h2>Examples that moved most</h2>}
      {moved && <NeighbourStrip title="By the distance of their places, in widths of the map" neighbours={moved} />}
    </section>
  );
}

function Epochs({ epochs }: { epochs: readonly number[] }) {
  const explorer = useExplorer();
  const [playing, setPlaying] = useState(false);
  const place = explorer.epoch.value === null ? epochs.length - 1 : epochs.indexOf(explorer.epoch.value);
  const show = (next: number) => {
    explorer.epoch.value = epochs[next % epochs.length] ?? null;
  };
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => show(epochs.indexOf(explorer.epoch.value ?? -1) + 1), PACE);
    return () => clearInterval(timer);
  }, [playing]);
  useEffect(() => () => void (explorer.epoch.value = null), []);
  return (
    <section aria-label="Epochs">
      <h2>{`Epoch ${formatNumber(epochs[place] ?? 0)}`}</h2>
      <input
        type="range"
        min={0}
        max={epochs.length - 1}
        value={place}
        aria-label="Epoch"
        aria-valuetext={`epoch ${epochs[place]}`}
        onInput={(event) => show(event.currentTarget.valueAsNumber)}
      />
      <Button aria-pressed={playing} onClick={() => setPlaying(!playing)}>
        {playing ? "Stop" : "Play"}
      </Button>
      <p class="hint">The codes of some test examples after each epoch, in the plane of the last one.</p>
    </section>
  );
}
