/** How the model and the map were made, and ways to share what is seen. */

import { useExplorer } from "../app/explorer";
import { SHORTCUTS } from "../app/keyboard";
import { Button } from "../ui/Button";
import { Section } from "../ui/Section";

export function AboutPanel() {
  const explorer = useExplorer();
  const { manifest } = explorer;
  const model = explorer.model.value.info;
  const map = model.maps.find(({ method }) => method === explorer.method.value);
  return (
    <>
      <Section title="Share">
        <div class="buttons">
          <Button onClick={() => copyAddress(explorer.notice)}>Copy the address</Button>
          <Button onClick={() => (explorer.wanted.value = "png")}>PNG</Button>
          <Button onClick={() => (explorer.wanted.value = "svg")}>SVG</Button>
        </div>
        <p class="hint">The address holds map, view, colours, pins and selection.</p>
      </Section>
      <Section title="How this was made">
        {manifest.about && <p>{manifest.about}</p>}
        {map && <p>{[`Map: ${map.name}`, map.note].filter(Boolean).join(", ")}.</p>}
        {manifest.notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
        <dl>
          {manifest.facts.map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <p>{networkSentence("Decoder", model.decoder, model.decoder_reason)}</p>
        <p>{networkSentence("Encoder", model.encoder, model.encoder_reason)}</p>
        <details>
          <summary>Recipe</summary>
          <pre tabIndex={0}>{model.recipe}</pre>
        </details>
      </Section>
      <Section title="Keys">
        <dl>
          {[...SHORTCUTS, ...OTHER_KEYS].map(({ key, about }) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{about}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </>
  );
}

const OTHER_KEYS = [
  { key: "Arrows, + and -", about: "Move and zoom, once the map has the focus" },
  { key: "Enter", about: "Pin the example in the middle of the map" },
  { key: "1 to 6", about: "Open a panel" },
];

function networkSentence(
  name: string,
  network: { precision: string; difference: number; bytes: number } | null,
  reason: string,
): string {
  if (!network) return `${name}: ${reason}`;
  const size = `${(network.bytes / 1e6).toFixed(2)} MB`;
  return `${name}: runs in this page, weights in ${network.precision}, ${size}; it differs from the model by ${network.difference.toExponential(1)} at most.`;
}

async function copyAddress(notice: { value: string }): Promise<void> {
  await navigator.clipboard?.writeText(window.location.href).then(
    () => (notice.value = "The address was copied."),
    () => (notice.value = "The browser does not let pages copy. Copy the address from its bar."),
  );
}
