/** Points in a row, as pictures; a click pins a point, or unpins it. */

import { useExplorer } from "../app/explorer";
import { useLoaded } from "../app/loading";
import { Button } from "./Button";
import { Picture } from "./Picture";

export interface PointStripProps {
  title?: string;
  points: readonly number[];
  /** What stands under each picture, beside the label. */
  notes?: readonly string[];
}

export function PointStrip({ title = "", points, notes = [] }: PointStripProps) {
  const { examples, pins, togglePin } = useExplorer();
  return (
    <>
      {title && <h3>{title}</h3>}
      <ul class="strip">
        {points.map((point, place) => {
          const action = pins.value.includes(point) ? "Unpin" : "Pin";
          const caption = `${examples.labelName(point)} ${notes[place] ?? ""}`.trim();
          return (
            <li key={point}>
              <Button onClick={() => togglePin(point)} aria-label={`${action} ${examples.name(point)}, ${caption}`}>
                <Thumbnail point={point} caption={caption} />
              </Button>
            </li>
          );
        })}
      </ul>
    </>
  );
}

/** The small picture of a point. */
export function Thumbnail({ point, caption }: { point: number; caption: string }) {
  const { examples, manifest } = useExplorer();
  const image = useLoaded(() => examples.picture(point), [point]);
  return <Picture image={image} shape={manifest.thumbnails.shape} caption={caption} small />;
}
