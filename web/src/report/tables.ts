/** Tables that are sorted by a click on a header: up, down, and as they were. */

const ORDERS = ["none", "ascending", "descending"] as const;
const SECONDS: Record<string, number> = { h: 3600, min: 60, s: 1 };
const BYTES: Record<string, number> = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

export function makeSortable(table: HTMLTableElement): void {
  const body = table.tBodies[0];
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  // Rows that are set apart, such as baselines, stay where they are.
  const rows = [...(body?.rows ?? [])].filter((row) => !row.classList.contains("apart"));
  if (!body || rows.length < 2) return;
  const end = [...body.rows].find((row) => row.classList.contains("apart")) ?? null;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const before = ORDERS.findIndex((order) => order === head.getAttribute("aria-sort"));
      const order = ORDERS[(before + 1) % ORDERS.length]!;
      for (const other of heads) other.setAttribute("aria-sort", other === head ? order : "none");
      for (const row of sorted(rows, column, order)) body.insertBefore(row, end);
    });
  });
}

function sorted(rows: HTMLTableRowElement[], column: number, order: (typeof ORDERS)[number]): HTMLTableRowElement[] {
  if (order === "none") return rows;
  const sign = order === "ascending" ? 1 : -1;
  const keys = new Map(rows.map((row) => [row, written(row.cells[column])]));
  const numbers = new Map(rows.map((row) => [row, quantity(keys.get(row)!)]));
  const isText = rows.every((row) => numbers.get(row) === null);
  return [...rows].sort((a, b) => {
    if (isText) return sign * keys.get(a)!.localeCompare(keys.get(b)!, "en", { numeric: true });
    const [x, y] = [numbers.get(a) ?? null, numbers.get(b) ?? null];
    // Without a number a row comes last, either way.
    return x === null || y === null ? Number(x === null) - Number(y === null) : sign * (x - y);
  });
}

/** What stands in a cell, without the notes under it and the star of the best. */
function written(cell: HTMLTableCellElement | undefined): string {
  const copy = cell?.cloneNode(true) as HTMLElement | undefined;
  for (const note of copy?.querySelectorAll("small, [role=img]") ?? []) note.remove();
  return copy?.textContent.trim() ?? "";
}

/** The number that a text begins with, durations in seconds and sizes in bytes; null without. */
export function quantity(text: string): number | null {
  const plain = text.replaceAll("\u2212", "-").replaceAll(/(\d),(?=\d{3})/g, "$1");
  const span = [...plain.matchAll(/(-?[\d.]+) (h|min|s)\b/g)];
  if (/^[\d.]+ (h|min|s)\b/.test(plain)) {
    return span.reduce((sum, [, value, unit]) => sum + Number(value) * SECONDS[unit!]!, 0);
  }
  const match = /^[+<>≤≥~]?\s*(-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:\s+([A-Za-z]+))?/i.exec(plain);
  return match ? Number(match[1]) * (BYTES[match[2] ?? ""] ?? 1) : null;
}
