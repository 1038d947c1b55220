/** A slider for each number of a code, with the range that examples have. */

import { useState } from "preact/hooks";
import type { DimensionInfo } from "../data/manifest";
import type { Model } from "../model/model";
import { formatNumber } from "../ui/Bars";
import { Button } from "../ui/Button";
import { Section } from "../ui/Section";

/** Sliders that are shown at first: those whose numbers vary most. */
const SHOWN = 16;

/** How far a slider goes beyond what examples have, as a share of their range. */
const BEYOND = 0.5;

export function Sliders({
  model,
  code,
  onChange,
}: {
  model: Model;
  code: Float32Array;
  onChange: (code: Float32Array) => void;
}) {
  const [all, setAll] = useState(false);
  const order = byVariation(model.info.dims);
  const dead = model.info.dims.filter(({ active }) => !active).length;
  return (
    <Section title="Numbers of the code">
      <p class="hint">A band marks where 98 % of the examples lie.</p>
      {dead > 0 && (
        <p class="hint">{`${dead} of ${model.dim} carry nothing: their sliders change the image little or not.`}</p>
      )}
      {order.slice(0, all ? order.length : SHOWN).map((place) => (
        <Slider
          key={place}
          place={place}
          info={model.info.dims[place]!}
          value={code[place] ?? 0}
          onChange={(value) => onChange(code.map((old, d) => (d === place ? value : old)))}
        />
      ))}
      {order.length > SHOWN && (
        <Button onClick={() => setAll(!all)}>{all ? "Show fewer" : `Show all ${order.length}`}</Button>
      )}
    </Section>
  );
}

function Slider({
  place,
  info,
  value,
  onChange,
}: {
  place: number;
  info: DimensionInfo;
  value: number;
  onChange: (value: number) => void;
}) {
  const reach = (info.high - info.low || 1) * BEYOND;
  const [min, max] = [Math.min(info.low - reach, value), Math.max(info.high + reach, value)];
  const share = (number: number) => `${(100 * (number - min)) / (max - min)}%`;
  const rate = info.rate === null ? "" : `, ${formatNumber(info.rate)} nats`;
  return (
    <label class={info.active ? "slider" : "slider dead"}>
      <span>{info.active ? String(place + 1) : `${place + 1}, carries nothing`}</span>
      <span class="track" style={{ "--low": share(info.low), "--high": share(info.high) }}>
        <input
          type="range"
          min={min}
          max={max}
          step={(max - min) / 200}
          value={value}
          aria-label={`Number ${place + 1}: examples lie between ${formatNumber(info.low)} and ${formatNumber(info.high)}${rate}`}
          onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
        />
      </span>
      <output>{formatNumber(value)}</output>
    </label>
  );
}

/** Places of the numbers, those that carry most first. */
function byVariation(dims: readonly DimensionInfo[]): number[] {
  const weight = ({ active, rate, sd }: DimensionInfo) => (active ? 1e6 : 0) + (rate ?? sd);
  return dims.map((_, place) => place).sort((a, b) => weight(dims[b]!) - weight(dims[a]!) || a - b);
}
