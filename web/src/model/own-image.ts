/** From a drawing or a file to an image as the model takes it. */

import type { Manifest } from "../data/manifest";

/** MNIST's digits fill 20 of 28 pixels, and their centre of mass is in the middle. */
const FILLED = 20 / 28;

type Drawable = HTMLCanvasElement | ImageBitmap;

/** Scale a picture to the model's size, (C, H, W) on the scale 0 to 1. */
export function fitImage(picture: Drawable, manifest: Manifest): Float32Array {
  const [channels = 1, height = 1, width = 1] = manifest.shape;
  const scale = Math.max(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  return readChannels(draw(picture, (width - w) / 2, (height - h) / 2, w, h, width, height), channels);
}

/** Scale what was drawn in white on black as MNIST's digits were: by its box and its centre of mass. */
export function centreDrawing(canvas: HTMLCanvasElement, manifest: Manifest): Float32Array | null {
  const [channels = 1, height = 1, width = 1] = manifest.shape;
  const ink = inkOf(canvas);
  if (!ink) return null;
  const scale = (FILLED * Math.min(width, height)) / Math.max(ink.width, ink.height);
  const left = width / 2 - scale * ink.middle.x;
  const top = height / 2 - scale * ink.middle.y;
  const pixels = draw(canvas, left, top, canvas.width * scale, canvas.height * scale, width, height);
  return readChannels(pixels, channels);
}

export function invert(image: Float32Array): Float32Array {
  return image.map((value) => 1 - value);
}

/** Swap black and white where the paper of an image is light and that of an example dark, or the reverse. */
export function likeExample(image: Float32Array, example: Uint8Array, shape: readonly number[]): Float32Array {
  if (example.length !== image.length) return image;
  const [usual, border] = [borderOf(example, shape) / 255, borderOf(image, shape)];
  return Math.abs(border - usual) > Math.abs(1 - border - usual) ? invert(image) : image;
}

/** The mean of the outermost pixels (C, H, W): a light paper has a high one. */
function borderOf(image: ArrayLike<number>, shape: readonly number[]): number {
  const [channels = 1, height = 1, width = 1] = shape;
  let [sum, count] = [0, 0];
  for (let place = 0; place < channels * height * width; place++) {
    const [row, column] = [Math.floor(place / width) % height, place % width];
    if (row && column && row < height - 1 && column < width - 1) continue;
    sum += image[place] as number;
    count++;
  }
  return sum / count;
}

function draw(
  picture: Drawable,
  left: number,
  top: number,
  w: number,
  h: number,
  width: number,
  height: number,
): ImageData {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, left, top, w, h);
  return context.getImageData(0, 0, width, height);
}

function readChannels({ data }: ImageData, channels: number): Float32Array {
  const area = data.length / 4;
  const image = new Float32Array(channels * area);
  for (let pixel = 0; pixel < area; pixel++) {
    const [red = 0, green = 0, blue = 0] = data.subarray(4 * pixel, 4 * pixel + 3);
    if (channels === 1) image[pixel] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
    else [red, green, blue].forEach((value, channel) => (image[channel * area + pixel] = value / 255));
  }
  return image;
}

/** The size of what was drawn, and its centre of mass; null of an empty canvas. */
function inkOf(canvas: HTMLCanvasElement) {
  const { data } = canvas
    .getContext("2d", { willReadFrequently: true })!
    .getImageData(0, 0, canvas.width, canvas.height);
  let [mass, x, y] = [0, 0, 0];
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let pixel = 0; pixel < data.length / 4; pixel++) {
    const weight = data[4 * pixel] as number;
    if (!weight) continue;
    const [row, column] = [Math.floor(pixel / canvas.width), pixel % canvas.width];
    mass += weight;
    x += weight * column;
    y += weight * row;
    [left, right] = [Math.min(left, column), Math.max(right, column)];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
  }
  if (!mass) return null;
  return { width: right - left + 1, height: bottom - top + 1, middle: { x: x / mass, y: y / mass } };
}
