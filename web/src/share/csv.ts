/** Points as a table of comma-separated values. */

import type { Explorer } from "../app/explorer";
import type { Model } from "../model/model";

/** Write number, name, label, the names of selections, and the code of each point. */
export async function pointsCsv(explorer: Explorer, model: Model, points: readonly number[]): Promise<string> {
  const { examples, named } = explorer;
  const codes = await model.codes();
  const selections = named.value.map(({ name, points: members }) => ({ name, members: new Set(members) }));
  const header = ["row", "name", "part", "label", "selections", ...model.info.dims.map((_, d) => `code_${d + 1}`)];
  const rows = points.map((point) => [
    String(examples.rows[point]),
    examples.name(point),
    examples.partName(point),
    examples.labelName(point),
    selections
      .filter(({ members }) => members.has(point))
      .map(({ name }) => name)
      .join("; "),
    ...[...codes.subarray(point * model.dim, (point + 1) * model.dim)].map(String),
  ]);
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Quote what needs it; spreadsheets would compute what begins like a formula. */
function cell(value: string): string {
  const text = /^[=+@\t\r]|^-(?![\d.])/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
