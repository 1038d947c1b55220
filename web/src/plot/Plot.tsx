/** A map of the points of a model, which one moves in, points at and selects on. */

import { effect } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Explorer, type Place, useExplorer } from "../app/explorer";
import { useColouring, useLoaded } from "../app/loading";
import type { Model } from "../model/model";
import { Plane } from "../model/plane";
import { type Grid, decoderGrid, densityGrid } from "./background";
import { Camera, moveByKey } from "./camera";
import { pointColours } from "./colours";
import type { PlaneIndex } from "./plane-index";
import { pointsInside } from "./region";
import { type Scene, Surface } from "./surface";
import { ThumbnailCache } from "./thumbnails";

export function Plot({ model }: { model: Model }) {
  const explorer = useExplorer();
  const canvases = useCanvases();
  const [outline, setOutline] = useState<readonly Place[]>([]);
  const surface = useSurface(explorer, canvases);
  const method = explorer.methodOf(model);
  const index = usePlaneIndex(model);
  const colouring = useColouring(model);
  const grid = useGrid(model, index);
  const colours = useColours(explorer, colouring);

  useEffect(() => {
    if (!surface || !index || !colouring || !colours) return;
    return effect(() => surface.show(sceneOf(explorer, { index, colouring, colours, grid, outline })));
  }, [surface, index, colouring, colours, grid, outline]);
  usePointer(explorer, model, surface, index, canvases.front, setOutline);
  usePictureFiles(explorer, model, surface);

  return (
    <div class="plot">
      <canvas ref={canvases.back} aria-hidden="true" />
      <canvas ref={canvases.points} aria-hidden="true" />
      <canvas
        ref={canvases.front}
        tabIndex={0}
        role="application"
        aria-label={`${model.info.label}, ${model.map(method)?.name ?? "map"} of ${explorer.count} examples. Arrows move, plus and minus zoom, Enter pins the example in the middle.`}
        onKeyDown={(event) => pressKey(explorer, model, surface, canvases.front.current, event)}
      />
      {explorer.second.value && <h2>{model.info.label}</h2>}
      {!index && <p class="wait">Loading the map …</p>}
    </div>
  );
}

function useCanvases() {
  return {
    back: useRef<HTMLCanvasElement>(null),
    points: useRef<HTMLCanvasElement>(null),
    front: useRef<HTMLCanvasElement>(null),
  };
}

type Canvases = ReturnType<typeof useCanvases>;

function useSurface(explorer: Explorer, canvases: Canvases): Surface | null {
  const [surface, setSurface] = useState<Surface | null>(null);
  useEffect(() => {
    const [back, points, front] = [canvases.back.current, canvases.points.current, canvases.front.current];
    if (!back || !points || !front) return;
    const cache = explorer.manifest.shape.length === 3 ? new ThumbnailCache(explorer.examples) : null;
    const created = new Surface({ back, points, front }, cache);
    if (created.maxCount < explorer.count) {
      explorer.notice.value = `This browser has no WebGL 2, so ${created.maxCount} of the points are drawn.`;
    }
    const observer = new ResizeObserver(() => created.request());
    observer.observe(front);
    setSurface(created);
    return () => observer.disconnect();
  }, []);
  return surface;
}

/** The places of a model's points on the map that is shown. */
export function usePlaneIndex(model: Model): PlaneIndex | undefined {
  const explorer = useExplorer();
  const [method, epoch] = [explorer.methodOf(model), explorer.epoch.value];
  return useLoaded(() => model.index(method, epoch, explorer.count), [model, method, epoch]);
}

function useGrid(model: Model, index: PlaneIndex | undefined): Grid | null {
  const explorer = useExplorer();
  const background = explorer.background.value;
  const method = explorer.methodOf(model);
  const grid = useLoaded(async () => {
    if (!index || background === "none") return null;
    if (background === "density") return densityGrid(index);
    return decoderGrid(model, await Plane.of(model, method, index), index, explorer.examples);
  }, [model, index, background]);
  return grid ?? null;
}

function useColours(explorer: Explorer, colouring: Scene["colouring"] | undefined): Uint8Array | undefined {
  const hidden = explorer.hidden.value;
  const selection = explorer.selection.value;
  const dark = explorer.dark.value;
  return useMemo(
    () => colouring && pointColours(colouring, explorer.count, { hidden, selection, dark }),
    [colouring, hidden, selection, dark],
  );
}

function sceneOf(
  explorer: Explorer,
  parts: Pick<Scene, "index" | "colouring" | "colours" | "grid" | "outline">,
): Scene {
  const dark = explorer.dark.value;
  explorer.examples.arrived.value; // Pictures that have come are drawn.
  return {
    ...parts,
    view: explorer.view.value,
    thumbnails: explorer.thumbnails.value,
    hovered: explorer.hovered.value,
    pins: explorer.pins.value,
    marks: explorer.marks.value,
    tool: explorer.tool.value,
    ink: dark ? "#e6e4df" : "#22252a",
    paper: dark ? "#15181c" : "#ffffff",
  };
}

/** Save the map as it is seen, once somebody asks for it; of two maps the first. */
function usePictureFiles(explorer: Explorer, model: Model, surface: Surface | null): void {
  const wanted = explorer.wanted.value;
  useEffect(() => {
    if (!wanted || !surface || model !== explorer.model.value) return;
    explorer.wanted.value = null;
    surface.save(wanted, explorer.manifest.title);
  }, [wanted]);
}

/** Let pointers move the view, hover, pin, and draw around points. */
function usePointer(
  explorer: Explorer,
  model: Model,
  surface: Surface | null,
  index: PlaneIndex | undefined,
  front: Canvases["front"],
  setOutline: (outline: readonly Place[]) => void,
): void {
  useEffect(() => {
    const canvas = front.current;
    if (!canvas || !surface || !index) return;
    const camera = new Camera(
      canvas,
      (view) => {
        explorer.view.value = view;
      },
      () => explorer.tool.value === "move",
    );
    const stopFollowing = effect(() => camera.follow(explorer.view.value));
    const stopListening = listen(explorer, model, surface, index, canvas, setOutline);
    return () => {
      stopFollowing();
      stopListening();
    };
  }, [surface, index]);
}

function listen(
  explorer: Explorer,
  model: Model,
  surface: Surface,
  index: PlaneIndex,
  canvas: HTMLCanvasElement,
  setOutline: (outline: readonly Place[]) => void,
): () => void {
  let outline: Place[] | null = null;
  const handlers = {
    pointerdown: (event: PointerEvent) => {
      if (event.button || (explorer.tool.value === "move" && !event.shiftKey)) return;
      canvas.setPointerCapture(event.pointerId);
      explorer.pointAt(model, null, null);
      outline = [];
    },
    pointermove: (event: PointerEvent) => {
      const pixels = { x: event.offsetX, y: event.offsetY };
      const place = surface.placeAt(pixels);
      if (outline && place) {
        outline = [...outline, place];
        setOutline(outline);
        return;
      }
      explorer.pointAt(model, place, surface.pointAt(pixels));
    },
    pointerup: () => {
      if (!outline) return;
      const drawn = outline.length > 2 ? pointsInside(index, outline, explorer.tool.value === "rectangle") : [];
      explorer.select(drawn.filter((point) => surface.isVisible(point)));
      outline = null;
      setOutline([]);
    },
    pointerleave: () => explorer.pointAt(model, null, null),
    click: (event: MouseEvent) => {
      const point = surface.pointAt({ x: event.offsetX, y: event.offsetY });
      if (point !== null && explorer.tool.value === "move" && !event.shiftKey) explorer.togglePin(point);
    },
  };
  for (const [name, handler] of Object.entries(handlers)) {
    canvas.addEventListener(name, handler as EventListener);
  }
  return () => {
    for (const [name, handler] of Object.entries(handlers)) {
      canvas.removeEventListener(name, handler as EventListener);
    }
  };
}

/** With the keyboard, what is in the middle of the plot is under the cursor. */
function pressKey(
  explorer: Explorer,
  model: Model,
  surface: Surface | null,
  canvas: HTMLCanvasElement | null,
  event: KeyboardEvent,
): void {
  if (!surface || !canvas || event.ctrlKey || event.metaKey || event.altKey) return;
  const view = moveByKey(explorer.view.value, event.key);
  const middle = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 };
  if (view) {
    explorer.view.value = view;
    explorer.pointAt(model, surface.placeAt(middle), surface.pointAt(middle));
  } else if (event.key === "Enter" && explorer.hovered.value !== null) {
    explorer.togglePin(explorer.hovered.value);
  } else return;
  event.preventDefault();
}
