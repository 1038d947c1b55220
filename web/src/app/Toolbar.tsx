/** What is shown, and what the mouse does. */

import type { Method } from "../data/manifest";
import { colouringChoices } from "../model/colouring";
import { Choice } from "../ui/Choice";
import { type Background, type Tool, WHOLE, useExplorer } from "./explorer";
import { Button } from "../ui/Button";

/** Points up to which decoded images are compared with the nearest ones: more would load too many pictures. */
const MAX_COMPARED = 100_000;

const TOOLS: { key: Tool; title: string; hint: string }[] = [
  { key: "move", title: "Move", hint: "Drag to move, scroll or pinch to zoom, click to pin (M)" },
  { key: "lasso", title: "Lasso", hint: "Draw around examples to select them (L, or hold Shift)" },
  { key: "rectangle", title: "Rectangle", hint: "Draw a rectangle to select what is in it (R)" },
];

export function Toolbar() {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const maps = model.info.maps.map((map) => ({ key: map.method, title: map.name }));
  return (
    <div class="toolbar">
      {explorer.models.length > 1 && <ModelChoice />}
      <Choice
        label="Map"
        options={maps}
        value={explorer.method.value}
        onChange={(key) => {
          explorer.chosenMethod.value = key as Method;
          explorer.view.value = WHOLE;
        }}
      />
      <Choice
        label="Colour by"
        options={colouringChoices(explorer, model)}
        value={explorer.colouring.value}
        onChange={(key) => explorer.colourBy(key)}
      />
      <BackgroundChoice />
    </div>
  );
}

function ModelChoice() {
  const explorer = useExplorer();
  return (
    <Choice
      label="Model"
      options={explorer.models.map(({ info }, number) => ({ key: String(number), title: info.label }))}
      value={String(explorer.modelNumber.value)}
      onChange={(key) => (explorer.modelNumber.value = Number(key))}
    />
  );
}

function BackgroundChoice() {
  const explorer = useExplorer();
  const { manifest } = explorer;
  const options = [
    { key: "none", title: "Nothing" },
    { key: "density", title: "Density of points" },
  ];
  const comparable = !manifest.thumbnails.reduced && explorer.count <= MAX_COMPARED;
  if (comparable && explorer.model.value.decodes) {
    options.push({ key: "decoder", title: "Decoder against nearest example" });
  }
  return (
    <Choice
      label="Background"
      options={options}
      value={explorer.background.value}
      onChange={(key) => (explorer.background.value = key as Background)}
    />
  );
}

/** Buttons over the map: what dragging does, and what is seen. */
export function Tools() {
  const explorer = useExplorer();
  return (
    <div class="tools" role="group" aria-label="Map">
      {TOOLS.map(({ key, title, hint }) => (
        <Button
          key={key}
          title={hint}
          aria-pressed={explorer.tool.value === key}
          onClick={() => (explorer.tool.value = key)}
        >
          {title}
        </Button>
      ))}
      <Button title="Show the whole map (0)" onClick={() => (explorer.view.value = WHOLE)}>
        Whole map
      </Button>
      {explorer.manifest.shape.length === 3 && (
        <Button
          title="Show pictures where there is room for them (T)"
          aria-pressed={explorer.thumbnails.value}
          onClick={() => (explorer.thumbnails.value = !explorer.thumbnails.value)}
        >
          Pictures
        </Button>
      )}
    </div>
  );
}
