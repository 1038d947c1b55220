/** The example under the cursor, those that are pinned, and their nearest neighbours. */

import { useExplorer } from "../app/explorer";
import { useLoaded } from "../app/loading";
import type { Model } from "../model/model";
import { nearestCodes, nearestPixels } from "../model/search";
import { Bars, formatNumber } from "../ui/Bars";
import { Picture } from "../ui/Picture";
import { Section } from "../ui/Section";
import { PointStrip } from "../ui/PointStrip";
import { NeighbourStrip } from "./NeighbourStrip";
import { codeOf, useSeenPoint } from "./reconstruction";

const NEIGHBOURS = 8;

export function PointPanel() {
  const explorer = useExplorer();
  const pins = explorer.pins.value;
  const point = explorer.hovered.value ?? pins[pins.length - 1] ?? null;
  return (
    <>
      {point === null ? (
        <p class="hint">
          Point at the map to see an example, what the model makes of it, and its code. Click to pin it and to see its
          nearest neighbours.
        </p>
      ) : (
        <PointCard point={point} />
      )}
      {pins.length > 0 && (
        <Section title="Pinned">
          <PointStrip points={pins} notes={pins.map((_, pin) => `(${pin + 1})`)} />
        </Section>
      )}
      {pins.length > 0 && <Neighbours point={pins[pins.length - 1] as number} />}
    </>
  );
}

function PointCard({ point }: { point: number }) {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const second = explorer.second.value;
  const seen = useSeenPoint(explorer, model, point);
  const { manifest } = explorer;
  return (
    <section aria-label="Example" class="card">
      <div class="pictures">
        <Picture image={seen?.picture} shape={seen?.shape ?? manifest.thumbnails.shape} caption="Example" />
        {model.decodes && <Picture image={seen?.reconstruction} shape={manifest.shape} caption="Reconstruction" />}
        {second && <SecondReconstruction model={second} point={point} />}
      </div>
      <PointFacts model={model} point={point} />
      <h2>{`Code of ${model.dim} ${model.dim === 1 ? "number" : "numbers"}`}</h2>
      {seen && <Bars values={seen.code} label="Code" />}
    </section>
  );
}

function SecondReconstruction({ model, point }: { model: Model; point: number }) {
  const explorer = useExplorer();
  const seen = useSeenPoint(explorer, model, point);
  return <Picture image={seen?.reconstruction} shape={explorer.manifest.shape} caption={`By ${model.info.label}`} />;
}

function PointFacts({ model, point }: { model: Model; point: number }) {
  const explorer = useExplorer();
  const { examples, manifest } = explorer;
  const scores = useLoaded(() => loadScores(model), [model]);
  const clusters = useLoaded(() => (model.info.clusters ? model.clusters() : null), [model]);
  const facts: [string, string][] = [
    ["Name", examples.name(point)],
    ["Label", examples.labelName(point)],
    ["Part", manifest.part_names.length > 1 ? examples.partName(point) : ""],
    ["Cluster", model.info.clusters?.names[clusters?.[point] ?? -1] ?? ""],
    ...(scores ?? []).map(([name, values]): [string, string] => [name, formatNumber(values[point] as number)]),
  ];
  return (
    <dl>
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function loadScores(model: Model): Promise<[string, Float32Array][]> {
  return Promise.all(
    model.info.scores.map(async ({ key, name }): Promise<[string, Float32Array]> => [name, await model.scores(key)]),
  );
}

function Neighbours({ point }: { point: number }) {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const byCodes = useLoaded(
    async () => nearestCodes(explorer, model, await codeOf(model, point), NEIGHBOURS, point),
    [model, point],
  );
  const byPixels = useLoaded(() => nearestPixels(explorer, model, point, NEIGHBOURS), [model, point]);
  const kind = explorer.manifest.thumbnails.reduced ? "By pixels of the small pictures" : "By pixels";
  return (
    <Section title="Nearest of the examples shown">
      {byCodes && <NeighbourStrip title="By codes" neighbours={byCodes} />}
      {byPixels && <NeighbourStrip title={kind} neighbours={byPixels} />}
    </Section>
  );
}
