/** What points are coloured by: their labels, parts, clusters, scores or further columns. */

import type { Explorer } from "../app/explorer";
import type { Model } from "./model";

export interface Categories {
  kind: "category";
  title: string;
  names: readonly string[];
  /** (n) place among the names; -1 where it is unknown. */
  values: Int32Array | Uint8Array;
}

export interface Numbers {
  kind: "number";
  title: string;
  about: string;
  /** (n); NaN where it is unknown. */
  values: Float32Array;
  /** The percentiles 1 and 99, between which colours change. */
  low: number;
  high: number;
}

export type Colouring = Categories | Numbers;

interface ColouringChoice {
  key: string;
  title: string;
}

/** List what points of a model can be coloured by. */
export function colouringChoices(explorer: Explorer, model: Model): ColouringChoice[] {
  const { manifest } = explorer;
  const choices: ColouringChoice[] = [];
  if (manifest.label_names.length) choices.push({ key: "label", title: "Label" });
  if (model.info.clusters) choices.push({ key: "cluster", title: model.info.clusters.name });
  if (manifest.part_names.length > 1) choices.push({ key: "part", title: "Part of the data" });
  for (const { key, name } of model.info.scores) choices.push({ key: `score:${key}`, title: name });
  for (const { key, name } of manifest.columns) choices.push({ key: `column:${key}`, title: name });
  choices.push({ key: "none", title: "One colour" });
  return choices;
}

const loaded = new WeakMap<Model, Map<string, Promise<Colouring>>>();

/** Load what points are coloured by, once for all who ask: numbers are sorted for it. */
export function colouringOf(explorer: Explorer, model: Model, key: string): Promise<Colouring> {
  const known = loaded.get(model) ?? new Map<string, Promise<Colouring>>();
  loaded.set(model, known);
  const colouring = known.get(key) ?? loadColouring(explorer, model, key);
  known.set(key, colouring);
  return colouring;
}

async function loadColouring(explorer: Explorer, model: Model, key: string): Promise<Colouring> {
  const { manifest, examples, source } = explorer;
  const [kind, name] = key.split(/:(.*)/s) as [string, string | undefined];
  if (kind === "label" && examples.labels) {
    return categories("Label", manifest.label_names, examples.labels);
  }
  if (kind === "cluster" && model.info.clusters) {
    return categories(model.info.clusters.name, model.info.clusters.names, await model.clusters());
  }
  if (kind === "part") return categories("Part of the data", manifest.part_names, examples.parts);
  const score = kind === "score" && model.score(name ?? "");
  if (score) {
    const title = score.unit ? `${score.name} (${score.unit})` : score.name;
    return numbers(title, score.about, await model.scores(score.key));
  }
  const column = kind === "column" && manifest.columns.find((item) => item.key === name);
  if (column && column.kind === "category") {
    return categories(column.name, column.values, await source.integers(`column/${column.key}`));
  }
  if (column) return numbers(column.name, "", await source.floats(`column/${column.key}`));
  return categories("", [""], new Uint8Array(manifest.count));
}

function categories(title: string, names: readonly string[], values: Int32Array | Uint8Array): Categories {
  return { kind: "category", title, names, values };
}

function numbers(title: string, about: string, values: Float32Array): Numbers {
  const sorted = values.filter(Number.isFinite).sort();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return { kind: "number", title, about, values, low: at(0.01), high: at(0.99) };
}
