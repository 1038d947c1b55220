/** Arrays of numbers, from the bytes that they are sent as. */

import type { Dtype } from "./manifest";

export type Values = Float32Array | Int32Array | Uint8Array;

/** Read little-endian numbers; halves become float32, since no arithmetic is done with halves. */
export function readValues(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): Values {
  const { buffer, byteOffset, byteLength } = bytes;
  switch (dtype) {
    case "uint8":
      return bytes;
    case "int32":
      return new Int32Array(buffer, byteOffset, byteLength / 4);
    case "float32":
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case "float16":
      return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), readHalf);
  }
}

function readHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** How many numbers an array of a shape has. */
export function product(shape: readonly number[]): number {
  return shape.reduce((result, size) => result * size, 1);
}
