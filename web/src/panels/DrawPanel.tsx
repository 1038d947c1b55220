/** An image of one's own: drawn, dropped, pasted or chosen; the model encodes it in the page. */

import { useEffect, useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import { useLatest } from "../app/loading";
import type { Model } from "../model/model";
import { borderOf, centreDrawing, fitImage, invert } from "../model/own-image";
import { mahalanobis, placeCode, squaredError } from "../model/placing";
import { nearestCodes } from "../model/search";
import { Bars, formatNumber } from "../ui/Bars";
import { Picture } from "../ui/Picture";
import { DrawingPad } from "./DrawingPad";
import { LabelButtons } from "./LabelButtons";
import { NeighbourStrip } from "./PointPanel";

const NEIGHBOURS = 8;

export function DrawPanel() {
  const explorer = useExplorer();
  const { manifest } = explorer;
  const model = explorer.model.value;
  const [image, setImage] = useState<Float32Array | null>(null);
  const [label, setLabel] = useState(0);
  useEffect(() => () => void (explorer.marks.value = []), []);
  useFiles((picture) => setImage(likeExamples(fitImage(picture, manifest), explorer.examples.peek(0), manifest.shape)));
  if (!model.encodes) return <p class="hint">{model.info.encoder_reason}</p>;
  if (manifest.shape.length !== 3) return <p class="hint">The model takes vectors: there is nothing to draw.</p>;
  return (
    <>
      {manifest.shape[0] === 1 && <DrawingPad onDraw={(canvas) => setImage(centreDrawing(canvas, manifest))} />}
      <p class="hint">Or drop an image file here, paste one, or choose one:</p>
      <FileButton
        onFile={(picture) =>
          setImage(likeExamples(fitImage(picture, manifest), explorer.examples.peek(0), manifest.shape))
        }
      />
      {image && (
        <button type="button" onClick={() => setImage(invert(image))}>
          Swap black and white
        </button>
      )}
      {model.info.conditional && <LabelButtons label={label} onChange={setLabel} />}
      {image && <OwnImage model={model} image={image} label={label} />}
    </>
  );
}

/** Swap black and white where the paper is light, and that of the examples is dark, or the other way. */
function likeExamples(image: Float32Array, example: Uint8Array | null, shape: readonly number[]): Float32Array {
  if (!example || example.length !== image.length) return image;
  const usual = borderOf(example, shape) / 255;
  const border = borderOf(image, shape);
  return Math.abs(border - usual) > Math.abs(1 - border - usual) ? invert(image) : image;
}

/** Take images that are dropped on the page or pasted. */
function useFiles(take: (picture: ImageBitmap) => void): void {
  const { fail } = useExplorer();
  useEffect(() => {
    const drop = (event: DragEvent) => {
      event.preventDefault();
      void open(event.dataTransfer?.files, take).catch(fail);
    };
    const over = (event: DragEvent) => event.preventDefault();
    const paste = (event: ClipboardEvent) => void open(event.clipboardData?.files, take).catch(fail);
    document.addEventListener("drop", drop);
    document.addEventListener("dragover", over);
    document.addEventListener("paste", paste);
    return () => {
      document.removeEventListener("drop", drop);
      document.removeEventListener("dragover", over);
      document.removeEventListener("paste", paste);
    };
  }, []);
}

function FileButton({ onFile }: { onFile: (picture: ImageBitmap) => void }) {
  const { fail } = useExplorer();
  return (
    <input
      type="file"
      accept="image/*"
      aria-label="Image file"
      onChange={(event) => void open(event.currentTarget.files, onFile).catch(fail)}
    />
  );
}

async function open(files: FileList | null | undefined, take: (picture: ImageBitmap) => void): Promise<void> {
  const file = files?.[0];
  if (!file) return;
  const picture = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no image that the browser can read. PNG and JPEG are.`);
  });
  take(picture);
}

interface Judged {
  code: Float32Array;
  reconstruction: Float32Array | undefined;
  neighbours: { point: number; distance: number }[];
  distance: number | null;
}

function OwnImage({ model, image, label }: { model: Model; image: Float32Array; label: number }) {
  const explorer = useExplorer();
  const method = explorer.method.value;
  const judged = useLatest<Judged>(async () => {
    const code = await model.encode(image, [label]);
    explorer.marks.value = [{ name: "yours", ...(await placeCode(explorer, model, method, code)) }];
    return {
      code,
      reconstruction: model.decodes ? await model.decode(code, [label]) : undefined,
      neighbours: await nearestCodes(explorer, model, code, NEIGHBOURS),
      distance: model.info.anomaly?.mahalanobis ? await mahalanobis(model, code) : null,
    };
  }, [model, method, image, label]);
  const { shape } = explorer.manifest;
  return (
    <section class="card" aria-label="Your image">
      <div class="pictures">
        <Picture image={image} shape={shape} caption="Your image" />
        <Picture image={judged?.reconstruction} shape={shape} caption="Reconstruction" />
      </div>
      {judged && <Verdict model={model} image={image} judged={judged} />}
      {judged && <NeighbourStrip title="Nearest examples by codes" neighbours={judged.neighbours} />}
      {judged && <Bars values={judged.code} label="Code" />}
    </section>
  );
}

/** Say how unlike the training examples an image is, in the numbers of the anomaly analysis. */
function Verdict({ model, image, judged }: { model: Model; image: Float32Array; judged: Judged }) {
  const { anomaly } = model.info;
  const error = judged.reconstruction ? squaredError(image, judged.reconstruction) : null;
  if (error === null) return null;
  const lines = [`Squared error per pixel: ${formatNumber(error)}`];
  if (anomaly) lines[0] += `, threshold ${formatNumber(anomaly.error_threshold)}.`;
  if (judged.distance !== null && anomaly?.mahalanobis_threshold) {
    const threshold = formatNumber(anomaly.mahalanobis_threshold);
    lines.push(`Mahalanobis distance of the code: ${formatNumber(judged.distance)}, threshold ${threshold}.`);
  }
  const strange =
    anomaly &&
    (error > anomaly.error_threshold || (judged.distance ?? 0) > (anomaly.mahalanobis_threshold ?? Infinity));
  if (anomaly) {
    const rate = `${formatNumber(100 * anomaly.false_alarms)} % of ordinary examples`;
    lines.push(strange ? `An anomaly: no more than ${rate} score as high.` : `Ordinary: below what ${rate} exceed.`);
  }
  return (
    <>
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </>
  );
}
