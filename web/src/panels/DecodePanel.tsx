/** The image that the model makes of any place of the map, or of any code. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import { useLatest, useLoaded } from "../app/loading";
import type { Decoding } from "../data/manifest";
import type { Model } from "../model/model";
import { Plane, type PlaneCode } from "../model/plane";
import { usePlaneIndex } from "../plot/Plot";
import { formatNumber } from "../ui/Bars";
import { Picture } from "../ui/Picture";
import { Thumbnail } from "../ui/PointStrip";
import { LabelButtons } from "./LabelButtons";
import { Manifold } from "./Manifold";
import { Samples } from "./Samples";
import { Sliders } from "./Sliders";
import { Walk } from "./Walk";

const DECODINGS: Record<Decoding, string> = {
  exact: "The place is the code: the image is exact.",
  linear: "The map is a plane through the space of codes: the code is that of the place in it.",
  neighbours: "This map has no inverse: the code is the weighted mean of those of the nearest examples on the map.",
};

export function DecodePanel() {
  const explorer = useExplorer();
  // Of two maps side by side, the one under the cursor is decoded by its own model.
  const model = explorer.cursor.value?.model ?? explorer.model.value;
  const [label, setLabel] = useState(0);
  const index = usePlaneIndex(model);
  const method = explorer.methodOf(model);
  const plane = useLoaded(() => (index ? Plane.of(model, method, index) : null), [model, index]);
  const code = useCode(model, plane);
  if (!model.decodes) return <p class="hint">{model.info.decoder_reason}</p>;
  return (
    <>
      {model.info.conditional && <LabelButtons label={label} onChange={setLabel} />}
      <section class="decoded" aria-label="Decoded image">
        <Decoded model={model} code={code.value} label={label} />
        {code.place && <Origin model={model} place={code.place} />}
      </section>
      <Sliders model={model} code={code.value} onChange={code.set} />
      <Walk model={model} label={label} />
      {plane && index && explorer.manifest.shape.length === 3 && (
        <Manifold model={model} plane={plane} index={index} label={label} />
      )}
      <Samples model={model} />
    </>
  );
}

interface CurrentCode {
  value: Float32Array;
  /** Where it comes from, while it is a place of the map. */
  place: PlaneCode | null;
  set: (code: Float32Array) => void;
}

/** The code under the cursor; it stays when the cursor leaves, and sliders change it. */
function useCode(model: Model, plane: Plane | undefined): CurrentCode {
  const explorer = useExplorer();
  const [place, setPlace] = useState<PlaneCode | null>(null);
  const [changed, setChanged] = useState<Float32Array | null>(null);
  const cursor = explorer.cursor.value;
  useEffect(() => {
    if (!plane || cursor?.model !== model) return;
    setPlace(plane.at(cursor.x, cursor.y));
    setChanged(null);
  }, [plane, cursor]);
  const middle = useMemo(() => Float32Array.from(model.info.dims, ({ mean }) => mean), [model]);
  const current = place?.code.length === model.dim ? place : null;
  return {
    value: changed?.length === model.dim ? changed : (current?.code ?? middle),
    place: changed ? null : current,
    set: setChanged,
  };
}

function Decoded({ model, code, label }: { model: Model; code: Float32Array; label: number }) {
  const { manifest } = useExplorer();
  const image = useLatest(() => model.decode(code, [label]), [model, code, label]);
  return <Picture image={image} shape={manifest.shape} caption="Decoded" />;
}

/** Say how a place became a code, and how far the nearest example is. */
function Origin({ model, place }: { model: Model; place: PlaneCode }) {
  const typical = useLoaded(() => model.typicalDistance(), [model]);
  const far = typical ? place.distance / typical : 0;
  return (
    <div>
      <p>{DECODINGS[place.decoding]}</p>
      <p>
        {`The nearest example is ${formatNumber(place.distance)} away`}
        {typical ? `, ${formatNumber(far)} times the usual distance between neighbours.` : "."}
        {far > 3 && " The model has seen nothing like it."}
      </p>
      <Thumbnail point={place.nearest} caption="Nearest example" />
    </div>
  );
}
