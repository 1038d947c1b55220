/** Values that arrive later, in components. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { type Colouring, colouringOf } from "../model/colouring";
import type { Model } from "../model/model";
import { useExplorer } from "./explorer";

/** Load a value again whenever one of `inputs` changes; undefined until it is there. */
export function useLoaded<T>(load: () => Promise<T> | null, inputs: readonly unknown[]): T | undefined {
  const explorer = useExplorer();
  const [value, setValue] = useState<T>();
  useEffect(() => {
    let current = true;
    load()
      ?.then((loaded) => current && setValue(() => loaded))
      .catch((error: unknown) => current && explorer.fail(error));
    return () => {
      current = false;
      setValue(undefined);
    };
  }, inputs);
  return value;
}

/** As `useLoaded`, but the last value stays until the next one is there: pictures do not flicker. */
export function useLatest<T>(load: () => Promise<T> | null, inputs: readonly unknown[]): T | undefined {
  const explorer = useExplorer();
  const [value, setValue] = useState<T>();
  const run = useMemo(
    () => newest(async (work: () => Promise<T> | null) => setValue(await (work() ?? undefined)), explorer.fail),
    [],
  );
  useEffect(() => run(load), inputs);
  return value;
}

/**
 * Run the newest of many works, one at a time.
 *
 * A decoder is asked for a picture at every move of the cursor: the moves in between are dropped.
 */
function newest<A>(work: (input: A) => Promise<void>, fail: (error: unknown) => void): (input: A) => void {
  let waiting: { input: A } | null = null;
  let running = false;
  const runAll = async () => {
    while (waiting) {
      const { input } = waiting;
      waiting = null;
      await work(input).catch(fail);
    }
    running = false;
  };
  return (input) => {
    waiting = { input };
    if (running) return;
    running = true;
    void runAll();
  };
}

/** What the points of a model are coloured by now; undefined until it is loaded. */
export function useColouring(model: Model): Colouring | undefined {
  const explorer = useExplorer();
  const key = explorer.colouring.value;
  return useLoaded(() => colouringOf(explorer, model, key), [model, key]);
}
