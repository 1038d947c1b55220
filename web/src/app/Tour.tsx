/** A short tour for newcomers, shown once and on request. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useExplorer } from "./explorer";
import { Button } from "../ui/Button";

const SEEN = "latentscape-tour";

const STEPS = [
  "Every dot is an example. Those with similar codes lie near each other. Drag to move, scroll or pinch to zoom: pictures appear where there is room.",
  "Point at a dot to see the example and what the model makes of it. Click to pin it: its nearest neighbours appear.",
  "Open Decode, and move over the map: the model turns any place into an image. Sliders change single numbers of the code.",
  "Open Draw to try an image of your own. Open Select to gather, name and save examples. Open About to share what you see.",
];

export function Tour() {
  const explorer = useExplorer();
  const dialog = useRef<HTMLDialogElement>(null);
  const [step, setStep] = useState(0);
  useEffect(() => {
    if (explorer.touring.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [explorer.touring.value]);
  const end = () => {
    explorer.touring.value = false;
    setStep(0);
    remember();
  };
  return (
    <dialog ref={dialog} aria-label="Tour" onClose={end}>
      <p>{STEPS[step]}</p>
      <div class="buttons">
        <Button onClick={() => (step + 1 < STEPS.length ? setStep(step + 1) : end())}>
          {step + 1 < STEPS.length ? `Next (${step + 1} of ${STEPS.length})` : "Start"}
        </Button>
        <Button onClick={end}>Close</Button>
      </div>
    </dialog>
  );
}

/** Whether nobody has seen the tour in this browser; a page from disk may not be allowed to know. */
export function isNewcomer(): boolean {
  try {
    return window.localStorage.getItem(SEEN) === null && !window.location.hash;
  } catch {
    return false;
  }
}

function remember(): void {
  try {
    window.localStorage.setItem(SEEN, "seen");
  } catch {
    // Then it is shown again the next time.
  }
}
