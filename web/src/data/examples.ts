/** The points: their pictures, labels and names. */

import { signal } from "@preact/signals";
import type { Manifest } from "./manifest";
import { product } from "./values";
import { CHUNK, type Source } from "./source";

/** Pictures of points as bytes (C, h, w), or values of vectors, loaded in chunks. */
export class Examples {
  /** How many chunks have come: what shows pictures looks again when it changes. */
  readonly arrived = signal(0);
  /** Is told what goes wrong while pictures are loaded. */
  fail: (error: unknown) => void = () => undefined;
  private readonly chunks = new Map<number, Promise<Uint8Array>>();
  private readonly loaded = new Map<number, Uint8Array>();

  constructor(
    private readonly source: Source,
    readonly labels: Int32Array | null,
    readonly parts: Uint8Array,
    readonly rows: Int32Array,
  ) {}

  static async load(source: Source): Promise<Examples> {
    const labels = source.has("labels") ? await source.integers("labels") : null;
    const parts = (await source.array("parts")) as Uint8Array;
    return new Examples(source, labels, parts, await source.integers("rows"));
  }

  get manifest(): Manifest {
    return this.source.manifest;
  }

  /** Numbers of one picture. */
  get size(): number {
    return product(this.manifest.thumbnails.shape);
  }

  /** The picture of a point if it is loaded; otherwise it is asked for, and null. */
  peek(point: number): Uint8Array | null {
    const chunk = chunkOf(point);
    const loaded = this.loaded.get(chunk);
    if (!loaded) {
      void this.load(chunk).catch(this.fail);
      return null;
    }
    const place = (point - chunk * CHUNK) * this.size;
    return loaded.subarray(place, place + this.size);
  }

  async picture(point: number): Promise<Uint8Array> {
    await this.load(chunkOf(point));
    return this.peek(point) as Uint8Array;
  }

  /** Load the pictures of points that lie in a few chunks, or of those in chunks evenly drawn; return them. */
  async fetch(points: readonly number[], maxChunks = Infinity): Promise<readonly number[]> {
    const all = [...new Set(points.map(chunkOf))];
    const step = Math.ceil(all.length / maxChunks) || 1;
    const drawn = new Set(all.filter((_, place) => place % step === 0));
    await Promise.all([...drawn].map((chunk) => this.load(chunk)));
    return points.filter((point) => drawn.has(chunkOf(point)));
  }

  labelName(point: number): string {
    return this.manifest.label_names[this.labels?.[point] ?? -1] ?? "";
  }

  partName(point: number): string {
    return this.manifest.part_names[this.parts[point] ?? -1] ?? "";
  }

  /** What a point is called: its file, or its number in the data. */
  name(point: number): string {
    return this.manifest.names?.[point] ?? `#${this.rows[point]}`;
  }

  private load(chunk: number): Promise<Uint8Array> {
    let loading = this.chunks.get(chunk);
    if (!loading) {
      const start = chunk * CHUNK;
      const stop = Math.min(start + CHUNK, this.manifest.count);
      loading = this.source.images(start, stop);
      this.chunks.set(chunk, loading);
      const keep = (bytes: Uint8Array) => {
        this.loaded.set(chunk, bytes);
        this.arrived.value++;
      };
      loading.then(keep, () => undefined);
    }
    return loading;
  }
}

function chunkOf(point: number): number {
  return Math.floor(point / CHUNK);
}
