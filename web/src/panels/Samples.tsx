/** Images of codes that were drawn at random. */

import { useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import { useLatest } from "../app/loading";
import type { Model } from "../model/model";
import { ImageStrip } from "../ui/ImageStrip";
import { Button } from "../ui/Button";
import { Section } from "../ui/Section";

const SHOWN = 14;

export function Samples({ model }: { model: Model }) {
  const { manifest } = useExplorer();
  const [start, setStart] = useState(0);
  const { samples } = model.info;
  const shown = Math.min(SHOWN, samples?.count ?? 0);
  const first = samples ? (start * shown) % Math.max(1, samples.count - shown + 1) : 0;
  const drawn = useLatest(async () => {
    if (!samples) return undefined;
    const codes = (await model.floats("samples")).slice(first * model.dim, (first + shown) * model.dim);
    const labels = samples.labels ? [...(await model.integers("samples/labels")).slice(first, first + shown)] : [];
    return { images: await model.decode(codes, labels), labels };
  }, [model, first]);
  if (!samples) return null;
  return (
    <Section title="Random samples">
      <p class="hint">{`Codes drawn from ${samples.origin}.`}</p>
      <ImageStrip
        images={drawn?.images}
        shape={manifest.shape}
        captions={Array.from(
          { length: shown },
          (_, place) => manifest.label_names[drawn?.labels[place] ?? -1] ?? `${first + place + 1}`,
        )}
      />
      <Button onClick={() => setStart(start + 1)}>Draw others</Button>
    </Section>
  );
}
