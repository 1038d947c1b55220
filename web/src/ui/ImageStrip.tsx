/** Decoded images one after the other, or the vectors as bars. */

import { product } from "../data/values";
import { Picture } from "./Picture";

export interface ImageStripProps {
  /** (n, ...shape) on the scale 0 to 1. */
  images: Float32Array | undefined;
  shape: readonly number[];
  /** What each image is called. */
  captions: readonly string[];
}

export function ImageStrip({ images, shape, captions }: ImageStripProps) {
  const size = product(shape);
  return (
    <ul class="strip">
      {captions.map((caption, place) => (
        <li key={place}>
          <Picture image={images?.subarray(place * size, (place + 1) * size)} shape={shape} caption={caption} small />
        </li>
      ))}
    </ul>
  );
}
