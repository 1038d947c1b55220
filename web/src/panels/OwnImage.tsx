/** What a model makes of an image of one's own, and where it belongs among the examples. */

import { useExplorer } from "../app/explorer";
import { useLatest } from "../app/loading";
import type { Model } from "../model/model";
import type { Neighbour } from "../model/neighbours";
import { mahalanobis, placeCode, squaredError } from "../model/placing";
import { nearestCodes } from "../model/search";
import { Bars, formatNumber } from "../ui/Bars";
import { Picture } from "../ui/Picture";
import { NeighbourStrip } from "./NeighbourStrip";

const NEIGHBOURS = 8;

interface Judged {
  code: Float32Array;
  reconstruction: Float32Array | undefined;
  neighbours: Neighbour[];
  distance: number | null;
}

export function OwnImage({ model, image, label }: { model: Model; image: Float32Array; label: number }) {
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
