/** Selections by category, by a range of a score, or by text. */

import { useState } from "preact/hooks";
import { useExplorer } from "../app/explorer";
import type { Categories, Numbers } from "../model/colouring";
import { pointsNamed, pointsWhere } from "../model/selection";
import { Choice } from "../ui/Choice";
import { useColouring } from "../app/loading";

export function SelectBy() {
  const explorer = useExplorer();
  const model = explorer.model.value;
  const colouring = useColouring(model);
  return (
    <div class="select-by">
      {colouring?.kind === "category" && colouring.title && <ByCategory colouring={colouring} />}
      {colouring?.kind === "number" && <ByRange colouring={colouring} />}
      <ByText />
    </div>
  );
}

function ByCategory({ colouring }: { colouring: Categories }) {
  const explorer = useExplorer();
  const options = colouring.names.map((title, category) => ({ key: String(category), title }));
  return (
    <Choice
      label={colouring.title}
      options={[{ key: "", title: "Choose …" }, ...options]}
      value=""
      onChange={(key) => key && explorer.select(pointsWhere(colouring, (value) => value === Number(key)))}
    />
  );
}

function ByRange({ colouring }: { colouring: Numbers }) {
  const explorer = useExplorer();
  const [low, setLow] = useState(String(colouring.low));
  const [high, setHigh] = useState(String(colouring.high));
  const submit = (event: Event) => {
    event.preventDefault();
    explorer.select(pointsWhere(colouring, (value) => value >= Number(low) && value <= Number(high)));
  };
  return (
    <form class="buttons" onSubmit={submit}>
      <label class="choice">
        <span>{`${colouring.title} from`}</span>
        <input value={low} inputMode="decimal" onInput={(event) => setLow(event.currentTarget.value)} />
      </label>
      <label class="choice">
        <span>to</span>
        <input value={high} inputMode="decimal" onInput={(event) => setHigh(event.currentTarget.value)} />
      </label>
      <button type="submit">Select</button>
    </form>
  );
}

function ByText() {
  const explorer = useExplorer();
  const [text, setText] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    explorer.select(pointsNamed(explorer, text));
  };
  return (
    <form class="buttons" onSubmit={submit}>
      <label class="choice">
        <span>Name or label holds</span>
        <input value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit">Select</button>
    </form>
  );
}
