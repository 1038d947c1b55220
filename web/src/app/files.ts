/** Image files that are dropped on the page, pasted or chosen. */

import { batch } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fitImage, likeExample } from "../model/own-image";
import type { Explorer } from "./explorer";

/** Take image files wherever they are dropped or pasted. */
export function useFiles(explorer: Explorer): void {
  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    document.addEventListener("dragover", (event) => event.preventDefault(), { signal });
    document.addEventListener("paste", (event) => openFile(explorer, event.clipboardData?.files), { signal });
    document.addEventListener(
      "drop",
      (event) => {
        event.preventDefault();
        openFile(explorer, event.dataTransfer?.files);
      },
      { signal },
    );
    return () => listening.abort();
  }, []);
}

/** Show what the model makes of the first of some files. */
export function openFile(explorer: Explorer, files: FileList | null | undefined): void {
  const file = files?.[0];
  if (file) void read(explorer, file).catch(explorer.fail);
}

async function read(explorer: Explorer, file: File): Promise<void> {
  const { manifest, examples } = explorer;
  const picture = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no image that the browser can read. PNG and JPEG are.`);
  });
  const image = fitImage(picture, manifest);
  const example = await examples.picture(0);
  batch(() => {
    explorer.own.value = likeExample(image, example, manifest.shape);
    explorer.tab.value = "draw";
  });
}
