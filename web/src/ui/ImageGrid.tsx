/** Decoded images one after the other, or the vectors as bars. */

import type { ComponentChildren } from "preact";
import { product } from "../model/networks";
import { Picture } from "./Picture";

export interface ImageGridProps {
  /** (n, ...shape) on the scale 0 to 1. */
  images: Float32Array | undefined;
  shape: readonly number[];
  /** What each image is called. */
  captions: readonly string[];
  columns?: number;
  children?: ComponentChildren;
}

export function ImageGrid({ images, shape, captions, columns = 0, children }: ImageGridProps) {
  const size = product(shape);
  const style = columns ? { gridTemplateColumns: `repeat(${columns}, 1fr)` } : {};
  return (
    <ul class={columns ? "grid" : "strip"} style={style}>
      {captions.map((caption, place) => (
        <li key={place}>
          <Picture image={images?.subarray(place * size, (place + 1) * size)} shape={shape} caption={caption} small />
        </li>
      ))}
      {children}
    </ul>
  );
}
