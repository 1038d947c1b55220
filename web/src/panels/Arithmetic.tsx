/** The difference between two selections, added to a pinned example. */

import { useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import { useLatest } from "../app/loading";
import { meanCode } from "../model/selection";
import { Choice } from "../ui/Choice";
import { ImageStrip } from "../ui/ImageStrip";
import { codeOf, labelOf } from "./reconstruction";
import { Section } from "../ui/Section";

const SHARES = [-1, -0.5, 0, 0.5, 1, 1.5];

export function Arithmetic() {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const named = explorer.named.value;
  const [from, setFrom] = useState(0);
  const [to, setTo] = useState(1);
  const pin = explorer.pins.value.at(-1);
  const [first, second] = [named[from], named[to]];
  const images = useLatest(async () => {
    if (!first || !second || pin === undefined || !model.decodes) return undefined;
    const [code, low, high] = [
      await codeOf(model, pin),
      await meanCode(model, first.points),
      await meanCode(model, second.points),
    ];
    const codes = SHARES.flatMap((share) => [...code.map((value, d) => value + share * (high[d]! - low[d]!))]);
    return model.decode(
      Float32Array.from(codes),
      SHARES.map(() => labelOf(explorer, pin)),
    );
  }, [model, first, second, pin]);
  if (named.length < 2) return null;
  const options = named.map(({ name }, place) => ({ key: String(place), title: name }));
  return (
    <Section title="Add a difference">
      <div class="buttons">
        <Choice label="From" options={options} value={String(from)} onChange={(key) => setFrom(Number(key))} />
        <Choice label="to" options={options} value={String(to)} onChange={(key) => setTo(Number(key))} />
      </div>
      {pin === undefined ? (
        <p class="hint">Pin an example: the difference of the mean codes is added to its code.</p>
      ) : (
        <ImageStrip images={images} shape={explorer.manifest.shape} captions={SHARES.map((share) => `× ${share}`)} />
      )}
    </Section>
  );
}
