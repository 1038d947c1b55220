/** The label that a conditional model decodes with. */

import { useExplorer } from "../app/explorer";
import { Button } from "../ui/Button";

export function LabelButtons({ label, onChange }: { label: number; onChange: (label: number) => void }) {
  const { manifest } = useExplorer();
  return (
    <div class="buttons labels" role="group" aria-label="Label to decode with">
      {manifest.label_names.map((name, place) => (
        <Button key={place} aria-pressed={place === label} onClick={() => onChange(place)}>
          {name}
        </Button>
      ))}
    </div>
  );
}
