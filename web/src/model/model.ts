/** A model that the page shows: its codes, maps, scores and networks, each loaded once. */

import type { MapInfo, Method, ModelInfo, ScoreInfo } from "../data/manifest";
import type { Source } from "../data/source";
import { PlaneIndex } from "../plot/plane-index";
import { type Decode, type Encode, openDecoder, openEncoder } from "./networks";
import { typicalDistance } from "./neighbours";

export class Model {
  private decoder: Promise<Decode> | null = null;
  private encoder: Promise<Encode> | null = null;
  private typical: Promise<number> | null = null;
  private readonly indices = new Map<string, Promise<PlaneIndex>>();

  constructor(
    readonly info: ModelInfo,
    private readonly source: Source,
  ) {}

  get dim(): number {
    return this.info.latent_dim;
  }

  /** Codes (n, D) of the points. */
  codes(): Promise<Float32Array> {
    return this.source.floats(`${this.info.key}/codes`);
  }

  map(method: Method): MapInfo | undefined {
    return this.info.maps.find((map) => map.method === method);
  }

  /** Places (n, 2) of the points on a map. */
  places(method: Method): Promise<Float32Array> {
    return this.source.floats(`${this.info.key}/map/${method}`);
  }

  /** Places (n, 2) of the points after an epoch; NaN of those whose codes were not kept. */
  private async placesAfter(epoch: number, count: number): Promise<Float32Array> {
    const [points, kept] = [await this.integers("snapshot_points"), await this.floats(`epoch/${epoch}/map`)];
    const places = new Float32Array(2 * count).fill(NaN);
    points.forEach((point, place) => places.set(kept.subarray(2 * place, 2 * place + 2), 2 * point));
    return places;
  }

  /** The points of a map, or of an epoch, sorted by place: built once, since a million take a second. */
  index(method: Method, epoch: number | null, count: number): Promise<PlaneIndex> {
    const name = epoch === null ? method : `epoch ${epoch}`;
    let index = this.indices.get(name);
    if (!index) {
      const places = epoch === null ? this.places(method) : this.placesAfter(epoch, count);
      index = places.then((loaded) => new PlaneIndex(loaded));
      this.indices.set(name, index);
    }
    return index;
  }

  /** What makes a code of a place where that is linear: the mean (D) and two axes (2, D). */
  async axes(method: Method): Promise<{ mean: Float32Array; axes: Float32Array }> {
    const name = `${this.info.key}/map/${method}`;
    return {
      mean: await this.source.floats(`${name}/mean`),
      axes: await this.source.floats(`${name}/axes`),
    };
  }

  score(key: string): ScoreInfo | undefined {
    return this.info.scores.find((score) => score.key === key);
  }

  scores(key: string): Promise<Float32Array> {
    return this.source.floats(`${this.info.key}/score/${key}`);
  }

  clusters(): Promise<Int32Array> {
    return this.source.integers(`${this.info.key}/clusters`);
  }

  /** Any other array of the model. */
  floats(name: string): Promise<Float32Array> {
    return this.source.floats(`${this.info.key}/${name}`);
  }

  integers(name: string): Promise<Int32Array> {
    return this.source.integers(`${this.info.key}/${name}`);
  }

  /** Decode codes; a conditional model takes a label for each. */
  async decode(codes: Float32Array, labels: readonly number[] = []): Promise<Float32Array> {
    this.decoder ??= openDecoder(this.source, this.info);
    return (await this.decoder)(codes, labels);
  }

  async encode(images: Float32Array, labels: readonly number[] = []): Promise<Float32Array> {
    this.encoder ??= openEncoder(this.source, this.info);
    return (await this.encoder)(images, labels);
  }

  /** The median distance of a point to the nearest other one, by codes. */
  typicalDistance(): Promise<number> {
    this.typical ??= this.codes().then((codes) => typicalDistance(codes, this.dim));
    return this.typical;
  }

  /** Whether anything decodes: the page itself, or the server. */
  get decodes(): boolean {
    return this.info.decoder !== null || this.source.manifest.live;
  }

  get encodes(): boolean {
    return this.info.encoder !== null || this.source.manifest.live;
  }
}
