/** What the page is given, as `latentscape.explorer.contents` writes it. */

export type Dtype = "float32" | "float16" | "int32" | "uint8";
export type Method = "code" | "pca" | "tsne" | "umap";

export interface ArrayInfo {
  dtype: Dtype;
  shape: number[];
}

/** How places on a map become codes: they are the code, its principal components, or neither. */
export type Decoding = "exact" | "linear" | "neighbours";

export interface MapInfo {
  method: Method;
  name: string;
  decode: Decoding;
  note: string;
}

export interface ScoreInfo {
  key: string;
  name: string;
  unit: string;
  about: string;
  threshold: number | null;
  higher: "worse" | "better" | "neither";
}

export interface ColumnInfo {
  key: string;
  name: string;
  kind: "category" | "number";
  values: string[];
}

/** One number of the code, over the points: percentiles 1 and 99, and its mean rate in nats. */
export interface DimensionInfo {
  low: number;
  high: number;
  mean: number;
  sd: number;
  rate: number | null;
  active: boolean;
}

export interface NetworkInfo {
  precision: "float32" | "float16";
  difference: number;
  bytes: number;
}

export interface AnomalyInfo {
  error_threshold: number;
  false_alarms: number;
  mahalanobis: boolean;
  mahalanobis_threshold: number | null;
}

export interface Clusters {
  name: string;
  names: string[];
}

export interface SamplesInfo {
  origin: string;
  count: number;
  labels: boolean;
}

/** Small pictures (C, h, w) of images, or (d) numbers of vectors. */
export interface Thumbnails {
  shape: number[];
  reduced: boolean;
}

/** A line of "how was this made". */
export interface Fact {
  name: string;
  value: string;
}

export interface ModelInfo {
  key: string;
  label: string;
  run: string;
  recipe: string;
  latent_dim: number;
  kind: string;
  quantises: boolean;
  conditional: boolean;
  dims: DimensionInfo[];
  decoder: NetworkInfo | null;
  decoder_reason: string;
  encoder: NetworkInfo | null;
  encoder_reason: string;
  maps: MapInfo[];
  scores: ScoreInfo[];
  clusters: Clusters | null;
  anomaly: AnomalyInfo | null;
  samples: SamplesInfo | null;
  snapshots: number[];
  aligned: boolean;
}

export interface Manifest {
  schema: 1;
  title: string;
  about: string;
  version: string;
  live: boolean;
  count: number;
  shape: number[];
  range: [number, number];
  byte_values: boolean;
  thumbnails: Thumbnails;
  label_names: string[];
  part_names: string[];
  names: string[] | null;
  columns: ColumnInfo[];
  models: ModelInfo[];
  facts: Fact[];
  notes: string[];
  arrays: Record<string, ArrayInfo>;
  report: string | null;
}
