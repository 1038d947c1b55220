/** The image that the model makes of any place of the map, or of any code. */

import { useEffect, useState } from "preact/hooks";
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
import { codeOf } from "./reconstruction";

const DECODINGS: Record<Decoding, string> = {
  exact: "The place is the code: the image is exact.",
  linear: "The map is a plane through the space of codes: the code is that of the place in it.",
  neighbours: "This map has no inverse: the code is the weighted mean of those of the nearest examples on the map.",
};

export function DecodePanel() {
  const explorer = useExplorer();
  // Of two maps side by side, the one under the cursor is decoded by its own model.
  const pointed = explorer.pointed.value;
  const model = pointed && pointed === explorer.second.value ? pointed : explorer.model.value;
  const [label, setLabel] = useState(0);
  const index = usePlaneIndex(model);
  const method = explorer.methodOf(model);
  const plane = useLoaded(() => (index ? Plane.of(model, method, index) : null), [model, index]);
  const { current, set } = useCode(model, plane);
  if (!model.decodes) return <p class="hint">{model.info.decoder_reason}</p>;
  return (
    <>
      {model.info.conditional && <LabelButtons label={label} onChange={setLabel} />}
      <section class="decoded" aria-label="Decoded image">
        {current && <Decoded model={model} code={current.code} label={label} />}
        {current?.place && <Origin model={model} place={current.place} />}
      </section>
      {current && model.info.dims.length > 0 && <Sliders model={model} code={current.code} onChange={set} />}
      <Walk model={model} label={label} />
      {plane && index && explorer.manifest.shape.length === 3 && (
        <Manifold model={model} plane={plane} index={index} label={label} />
      )}
      <Samples model={model} />
    </>
  );
}

/** A code of a model, and where it comes from, while it is a place of the map. */
interface ChosenCode {
  model: Model;
  code: Float32Array;
  place: PlaneCode | null;
}

/** The code under the cursor, which stays when the cursor leaves; sliders change it. */
function useCode(model: Model, plane: Plane | undefined) {
  const { cursor } = useExplorer();
  const [chosen, choose] = useState<ChosenCode | null>(null);
  useEffect(() => {
    if (!plane || cursor.value?.model !== model) return;
    const place = plane.at(cursor.value.x, cursor.value.y);
    choose({ model, code: place.code, place });
  }, [plane, cursor.value]);
  const first = useLoaded(() => codeOf(model, 0), [model]);
  const current = chosen?.model === model ? chosen : first && { model, code: first, place: null };
  return { current, set: (code: Float32Array) => choose({ model, code, place: null }) };
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
      {model.info.quantises && place.decoding === "linear" && (
        <p>It lies between the vectors of the codebook, and the decoder has seen nothing but these.</p>
      )}
      <p>
        {`The nearest example is ${formatNumber(place.distance)} away`}
        {typical ? `, ${formatNumber(far)} times the usual distance between neighbours.` : "."}
        {far > 3 && " The model has seen nothing like it."}
      </p>
      <Thumbnail point={place.nearest} caption="Nearest example" />
    </div>
  );
}
