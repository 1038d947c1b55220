/** The small picture of a point, or its code as bars. */

import { useExplorer } from "../app/explorer";
import { useLoaded } from "../app/loading";
import { codeOf } from "../panels/reconstruction";
import { Picture } from "./Picture";

export function Thumbnail({ point, caption }: { point: number; caption: string }) {
  const explorer = useExplorer();
  const { thumbnails } = explorer.manifest;
  const model = explorer.model.value;
  const image = useLoaded<Uint8Array | Float32Array>(
    () => (thumbnails ? explorer.examples.picture(point) : codeOf(model, point)),
    [point, model],
  );
  return <Picture image={image} shape={thumbnails?.shape ?? [model.dim]} caption={caption} small />;
}
