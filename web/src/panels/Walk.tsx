/** The way between the last two pinned examples, as images. */

import { useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import { useLatest } from "../app/loading";
import type { Model } from "../model/model";
import { type WalkKind, walk } from "../model/walks";
import { Choice } from "../ui/Choice";
import { ImageStrip } from "../ui/ImageStrip";
import { codeOf } from "./reconstruction";
import { Section } from "../ui/Section";

const STEPS = 10;

const KINDS = [
  { key: "linear", title: "Straight line" },
  { key: "spherical", title: "Along a sphere" },
];

export function Walk({ model, label }: { model: Model; label: number }) {
  const explorer = useExplorer();
  const [kind, setKind] = useState<WalkKind>("linear");
  const [from, to] = explorer.pins.value.slice(-2);
  const images = useLatest(async () => {
    if (from === undefined || to === undefined) return undefined;
    const codes = walk(await codeOf(model, from), await codeOf(model, to), STEPS, kind);
    return model.decode(codes, Array<number>(STEPS).fill(label));
  }, [model, from, to, kind, label]);
  return (
    <Section title="Walk">
      {to === undefined ? (
        <p class="hint">Pin two examples to walk from one to the other.</p>
      ) : (
        <>
          <Choice label="Way" options={KINDS} value={kind} onChange={(key) => setKind(key as WalkKind)} />
          <ImageStrip
            images={images}
            shape={explorer.manifest.shape}
            captions={Array.from({ length: STEPS }, (_, step) => `${Math.round((100 * step) / (STEPS - 1))} %`)}
          />
        </>
      )}
    </Section>
  );
}
