/** Where arrays and pictures come from: the page itself, or the server that sent it. */

import type { Manifest } from "./manifest";
import { type Values, readValues } from "./values";

/** Thumbnails that are fetched together. */
export const CHUNK = 256;

/** A sentence for people, of what could not be loaded. */
export class SourceError extends Error {}

export abstract class Source {
  private readonly arrays = new Map<string, Promise<Values>>();

  constructor(readonly manifest: Manifest) {}

  /** Load an array once. */
  array(name: string): Promise<Values> {
    let values = this.arrays.get(name);
    if (!values) {
      values = this.read(name);
      this.arrays.set(name, values);
    }
    return values;
  }

  async floats(name: string): Promise<Float32Array> {
    return (await this.array(name)) as Float32Array;
  }

  async integers(name: string): Promise<Int32Array> {
    return (await this.array(name)) as Int32Array;
  }

  has(name: string): boolean {
    return name in this.manifest.arrays;
  }

  /** Load the thumbnails of points from `start` to `stop`, (stop - start, C, h, w). */
  abstract images(start: number, stop: number): Promise<Uint8Array>;

  /** The bytes of a file that is not among the arrays: the WebAssembly of ONNX Runtime. */
  abstract bytes(name: string): Promise<Uint8Array<ArrayBuffer>>;

  private async read(name: string): Promise<Values> {
    const info = this.manifest.arrays[name];
    if (!info) throw new SourceError(`The page was given no ${name}.`);
    return readValues(await this.bytes(name), info.dtype);
  }
}

/** Arrays that stand in the page itself, packed by gzip and written in base64. */
class EmbeddedSource extends Source {
  async images(start: number, stop: number): Promise<Uint8Array> {
    const all = (await this.array("images")) as Uint8Array;
    const size = all.length / this.manifest.count;
    return all.subarray(start * size, stop * size);
  }

  async bytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const element = document.querySelector(`script[data-array="${CSS.escape(name)}"]`);
    const text = element?.textContent;
    if (!text) throw new SourceError(`The page was given no ${name}.`);
    if (!("DecompressionStream" in window)) {
      throw new SourceError("This browser cannot unpack the page's data. Use one of 2023 or later.");
    }
    const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
  }
}

/** Arrays that the server sends when they are asked for. */
class ServedSource extends Source {
  async images(start: number, stop: number): Promise<Uint8Array> {
    return this.get(`images/${start}-${stop}`);
  }

  async bytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.get(name === "ort.wasm" ? `page/${name}` : `arrays/${name}`);
  }

  get(path: string): Promise<Uint8Array<ArrayBuffer>> {
    return request(path);
  }
}

/** Ask the server, and turn its refusals into sentences. */
export async function request(path: string, options?: RequestInit): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new SourceError("The server does not answer. Is latentscape explore still running?");
  }
  const content = await response.arrayBuffer();
  if (!response.ok) throw new SourceError(refusal(content, response.status));
  return new Uint8Array(content);
}

function refusal(content: ArrayBuffer, status: number): string {
  try {
    return (JSON.parse(new TextDecoder().decode(content)) as { error: string }).error;
  } catch {
    return `The server refused with the code ${status}.`;
  }
}

/** Read the manifest, and choose where the rest comes from. */
export function openSource(): Source {
  const text = document.getElementById("manifest")?.textContent;
  if (!text) throw new SourceError("The page holds no data. Write it again: latentscape explore RUN.");
  const manifest = JSON.parse(text) as Manifest;
  return manifest.live ? new ServedSource(manifest) : new EmbeddedSource(manifest);
}
