/** What the part of the map that is seen decodes to, as ten by ten images. */

import { useExplorer } from "../app/explorer";
import { useLatest } from "../app/loading";
import type { Model } from "../model/model";
import type { Plane } from "../model/plane";
import type { PlaneIndex } from "../plot/plane-index";
import { project, toPlace } from "../plot/projection";
import { Pixels } from "../ui/Picture";
import { tiled } from "../ui/pictures";
import { Section } from "../ui/Section";

const SIDE = 10;

export function Manifold({
  model,
  plane,
  index,
  label,
}: {
  model: Model;
  plane: Plane;
  index: PlaneIndex;
  label: number;
}) {
  const { manifest, view } = useExplorer();
  const images = useLatest(async () => {
    // A square of one pixel a cell: its middles are those of the cells.
    const projection = project(index.extent, view.value, SIDE, SIDE);
    const codes = new Float32Array(SIDE * SIDE * model.dim);
    for (let cell = 0; cell < SIDE * SIDE; cell++) {
      const { x, y } = toPlace(projection, { x: (cell % SIDE) + 0.5, y: Math.floor(cell / SIDE) + 0.5 });
      codes.set(plane.codeAt(x, y), cell * model.dim);
    }
    return tiled(await model.decode(codes, Array<number>(SIDE * SIDE).fill(label)), manifest.shape, SIDE);
  }, [model, plane, label, view.value]);
  const [channels = 1, height = 1, width = 1] = manifest.shape;
  return (
    <Section title="The view, decoded">
      <Pixels
        image={images}
        shape={[channels, SIDE * height, SIDE * width]}
        caption={`What ${SIDE * SIDE} places of the view decode to`}
      />
    </Section>
  );
}
