/** Selected points as a table: the same as on the map, in words. */

import { useExplorer } from "../app/explorer";
import { useLoaded } from "../app/loading";
import { formatNumber } from "../ui/Bars";

const ROWS = 100;

export function SelectionTable({ points }: { points: readonly number[] }) {
  const { examples, model } = useExplorer();
  const scores = useLoaded(
    () => Promise.all(model.value.info.scores.map(({ key }) => model.value.scores(key))),
    [model.value],
  );
  const names = ["Name", "Label", ...model.value.info.scores.map(({ name }) => name)];
  return (
    <details>
      <summary>As a table</summary>
      <div class="scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {points.slice(0, ROWS).map((point) => (
              <tr key={point}>
                <th scope="row">{examples.name(point)}</th>
                <td>{examples.labelName(point)}</td>
                {scores?.map((values, place) => (
                  <td key={place}>{formatNumber(values[point] as number)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {points.length > ROWS && <p class="hint">{`The first ${ROWS} of ${points.length}; the CSV file has all.`}</p>}
    </details>
  );
}
