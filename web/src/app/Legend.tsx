/** What colours mean; a click on a category leaves its points out. */

import { css, categoryColour, scaleColour } from "../plot/palette";
import { formatNumber } from "../ui/Bars";
import { type Background, useExplorer } from "./explorer";
import type { Categories, Numbers } from "../model/colouring";
import { Button } from "../ui/Button";
import { useColouring } from "./loading";

/** Categories that are listed; there may be a thousand. */
const MAX_LISTED = 60;

const BACKGROUNDS: Record<Background, string> = {
  none: "",
  density: "Blue: where examples crowd",
  decoder: "Orange: where the decoded image differs most from the nearest example",
};

export function Legend() {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const colouring = useColouring(model);
  const background = explorer.background.value;
  return (
    <div class="legend" role="group" aria-label="What colours mean">
      {colouring?.kind === "category" && colouring.title && <Names colouring={colouring} />}
      {colouring?.kind === "number" && <Scale colouring={colouring} />}
      <span hidden={background === "none"}>{BACKGROUNDS[background]}</span>
    </div>
  );
}

function Names({ colouring }: { colouring: Categories }) {
  const explorer = useExplorer();
  const hidden = explorer.hidden.value;
  const dark = explorer.dark.value;
  const toggle = (category: number) => {
    const others = new Set(hidden);
    if (!others.delete(category)) others.add(category);
    explorer.hidden.value = others;
  };
  const rest = colouring.names.length - MAX_LISTED;
  return (
    <>
      {colouring.names.slice(0, MAX_LISTED).map((name, category) => (
        <Button key={category} class="category" aria-pressed={!hidden.has(category)} onClick={() => toggle(category)}>
          <i style={{ background: css(categoryColour(category, dark)) }} aria-hidden="true" />
          {name}
        </Button>
      ))}
      {rest > 0 && <span>{`and ${rest} more`}</span>}
      {hidden.size > 0 && <Button onClick={() => (explorer.hidden.value = new Set())}>Show all</Button>}
    </>
  );
}

function Scale({ colouring }: { colouring: Numbers }) {
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => css(scaleColour(share)));
  return (
    <>
      <span>{colouring.title}</span>
      <span>{formatNumber(colouring.low)}</span>
      <span class="scale" style={{ background: `linear-gradient(to right, ${steps.join(", ")})` }} />
      <span>{formatNumber(colouring.high)}</span>
    </>
  );
}
