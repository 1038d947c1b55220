/** What the page shows, and what the person has chosen: the one state that all parts share. */

import { type ReadonlySignal, batch, computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Examples } from "../data/examples";
import type { Manifest, Method } from "../data/manifest";
import type { Source } from "../data/source";
import { Model } from "../model/model";

export type Tool = "move" | "lasso" | "rectangle";
export type Background = "none" | "density" | "decoder";
export type Tab = "point" | "decode" | "draw" | "select" | "compare" | "about";

export interface Place {
  x: number;
  y: number;
}

/** A part of the plane: its middle, and how many times larger than the whole map it is shown. */
export interface View extends Place {
  zoom: number;
}

export const WHOLE: View = { x: 0.5, y: 0.5, zoom: 1 };

/** A selection that was given a name. */
export interface NamedSelection {
  name: string;
  points: readonly number[];
}

/** Points that can be pinned: their colours and their pictures still fit beside each other. */
const MAX_PINS = 8;

export class Explorer {
  readonly models: readonly Model[];
  readonly modelNumber = signal(0);
  readonly secondNumber = signal<number | null>(null);
  readonly chosenMethod = signal<Method | null>(null);
  readonly colouring = signal("none");
  /** Categories that the legend leaves out. */
  readonly hidden = signal<ReadonlySet<number>>(new Set());
  readonly hovered = signal<number | null>(null);
  /** The place under the cursor, on the map of which model. */
  readonly cursor = signal<(Place & { model: Model }) | null>(null);
  /** The model on whose map the cursor was last. */
  readonly pointed = signal<Model | null>(null);
  readonly pins = signal<readonly number[]>([]);
  readonly selection = signal<readonly number[]>([]);
  readonly named = signal<readonly NamedSelection[]>([]);
  /** Places on the map with a name: an image of one's own, the steps of a walk. */
  readonly marks = signal<readonly (Place & { name: string })[]>([]);
  /** An image of one's own, as the model takes it, on the scale 0 to 1. */
  readonly own = signal<Float32Array | null>(null);
  readonly tool = signal<Tool>("move");
  readonly background = signal<Background>("none");
  readonly thumbnails = signal(true);
  readonly view = signal<View>(WHOLE);
  /** The epoch whose codes are shown in place of the last ones. */
  readonly epoch = signal<number | null>(null);
  /** A file of the map that is asked for. */
  readonly wanted = signal<"png" | "svg" | null>(null);
  readonly touring = signal(false);
  readonly tab = signal<Tab>("point");
  readonly dark = signal(false);
  /** A sentence about what has just happened, or gone wrong. */
  readonly notice = signal("");

  readonly model: ReadonlySignal<Model> = computed(() => this.models[this.modelNumber.value] as Model);
  readonly second: ReadonlySignal<Model | null> = computed(() => this.models[this.secondNumber.value ?? -1] ?? null);
  readonly method: ReadonlySignal<Method> = computed(() => this.methodOf(this.model.value));

  private constructor(
    readonly source: Source,
    readonly examples: Examples,
  ) {
    examples.fail = this.fail;
    this.models = source.manifest.models.map((info) => new Model(info, source));
    if (this.manifest.label_names.length) this.colouring.value = "label";
    else if (this.manifest.models[0]?.clusters) this.colouring.value = "cluster";
  }

  static async open(source: Source): Promise<Explorer> {
    return new Explorer(source, await Examples.load(source));
  }

  get manifest(): Manifest {
    return this.source.manifest;
  }

  get count(): number {
    return this.manifest.count;
  }

  /** Say what is under the cursor: a place on the map of a model, and the point there. */
  pointAt(model: Model, place: Place | null, point: number | null): void {
    batch(() => {
      this.cursor.value = place && { ...place, model };
      if (place) this.pointed.value = model;
      this.hovered.value = point;
    });
  }

  /** Pin a point, or unpin it; the oldest pin makes room. */
  readonly togglePin = (point: number): void => {
    const pins = this.pins.value;
    const others = pins.filter((pin) => pin !== point);
    this.pins.value = others.length < pins.length ? others : [...others, point].slice(-MAX_PINS);
  };

  /** The map of a model that is shown: the one that was chosen, if the model has it. */
  methodOf({ info }: Model): Method {
    const chosen = info.maps.find(({ method }) => method === this.chosenMethod.value);
    return (chosen ?? info.maps[0])?.method ?? "pca";
  }

  select(points: readonly number[]): void {
    batch(() => {
      this.selection.value = points;
      if (points.length) this.tab.value = "select";
    });
  }

  colourBy(key: string): void {
    batch(() => {
      this.colouring.value = key;
      this.hidden.value = new Set();
    });
  }

  /** Say what went wrong in a sentence. */
  readonly fail = (error: unknown): void => {
    this.notice.value = error instanceof Error ? error.message : String(error);
  };
}

const Shared = createContext<Explorer | null>(null);
export const ExplorerProvider = Shared.Provider;

export function useExplorer(): Explorer {
  const explorer = useContext(Shared);
  if (!explorer) throw new Error("a component stands outside the explorer");
  return explorer;
}
