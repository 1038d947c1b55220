/** Images as canvases: bytes, or numbers from 0 to 1, of one channel or three. */

/** Fill pixels (H, W, red green blue opacity) from an image (C, H, W). */
function paint(image: Uint8Array | Float32Array, channels: number, pixels: Uint8ClampedArray<ArrayBuffer>): void {
  const area = image.length / channels;
  const scale = image instanceof Float32Array ? 255 : 1;
  const [green, blue] = channels >= 3 ? [area, 2 * area] : [0, 0];
  for (let pixel = 0; pixel < area; pixel++) {
    pixels[4 * pixel] = (image[pixel] as number) * scale;
    pixels[4 * pixel + 1] = (image[green + pixel] as number) * scale;
    pixels[4 * pixel + 2] = (image[blue + pixel] as number) * scale;
    pixels[4 * pixel + 3] = 255;
  }
}

/** Draw an image of a shape (C, H, W) onto a canvas, one pixel each. */
export function drawImage(canvas: HTMLCanvasElement, image: Uint8Array | Float32Array, shape: readonly number[]): void {
  const [channels = 1, height = 1, width = 1] = shape;
  canvas.width = width;
  canvas.height = height;
  const data = new ImageData(width, height);
  paint(image, channels, data.data);
  canvas.getContext("2d")?.putImageData(data, 0, 0);
}

export function imageCanvas(image: Uint8Array | Float32Array, shape: readonly number[]): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  drawImage(canvas, image, shape);
  return canvas;
}

/** Lay images (columns * columns, C, H, W) side by side, row by row, into one (C, columns * H, columns * W). */
export function tiled(images: Float32Array, shape: readonly number[], columns: number): Float32Array {
  const [channels = 1, height = 1, width = 1] = shape;
  const result = new Float32Array(images.length);
  for (let line = 0; line < images.length / width; line++) {
    const [image, channel, row] = [
      Math.floor(line / (channels * height)),
      Math.floor(line / height) % channels,
      line % height,
    ];
    const [top, left] = [Math.floor(image / columns) * height, (image % columns) * width];
    const start = (channel * columns * height + top + row) * columns * width + left;
    result.set(images.subarray(line * width, (line + 1) * width), start);
  }
  return result;
}
