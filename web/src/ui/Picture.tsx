/** An image, or a vector as bars. */

import { useEffect, useRef } from "preact/hooks";
import { Bars } from "./Bars";
import { drawImage } from "./pictures";

interface PictureProps {
  /** Bytes, or numbers from 0 to 1; nothing yet where it is undefined. */
  image: Uint8Array | Float32Array | undefined;
  /** (C, H, W), or (D) of a vector. */
  shape: readonly number[];
  caption: string;
  small?: boolean;
}

export function Picture({ image, shape, caption, small = false }: PictureProps) {
  return (
    <figure class={small ? "picture small" : "picture"}>
      {shape.length === 3 ? (
        <Pixels image={image} shape={shape} caption={caption} />
      ) : (
        <Bars values={image ?? new Float32Array(shape[0] ?? 0)} label={caption} />
      )}
      <figcaption>{caption}</figcaption>
    </figure>
  );
}

/** The pixels alone, without a caption that is seen. */
export function Pixels({ image, shape, caption }: Omit<PictureProps, "small">) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current && image) drawImage(canvas.current, image, shape);
  }, [image]);
  return <canvas ref={canvas} class="pixels" role="img" aria-label={caption} width={1} height={1} />;
}
