/** An image of one's own: drawn, dropped, pasted or chosen; the model encodes it in the page. */

import { useEffect, useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import { openFile } from "../app/files";
import { centreDrawing, invert } from "../model/own-image";
import { Button } from "../ui/Button";
import { DrawingPad } from "./DrawingPad";
import { LabelButtons } from "./LabelButtons";
import { OwnImage } from "./OwnImage";

export function DrawPanel() {
  const explorer = useExplorer();
  const { manifest, own } = explorer;
  const model = explorer.model.value;
  const [label, setLabel] = useState(0);
  useEffect(() => () => void (explorer.marks.value = []), []);
  if (!model.encodes) return <p class="hint">{model.info.encoder_reason}</p>;
  if (manifest.shape.length !== 3) return <p class="hint">The model takes vectors: there is nothing to draw.</p>;
  return (
    <>
      {manifest.shape[0] === 1 && <DrawingPad onDraw={(canvas) => (own.value = centreDrawing(canvas, manifest))} />}
      <p class="hint">Or drop an image file on the page, paste one, or choose one:</p>
      <input
        type="file"
        accept="image/*"
        aria-label="Image file"
        onChange={(event) => openFile(explorer, event.currentTarget.files)}
      />
      {own.value && <Button onClick={() => (own.value = own.value && invert(own.value))}>Swap black and white</Button>}
      {model.info.conditional && <LabelButtons label={label} onChange={setLabel} />}
      {own.value && <OwnImage model={model} image={own.value} label={label} />}
    </>
  );
}
