/** Numbers as bars to both sides of zero. */

const HEIGHT = 64;

/** Bars that are still wide enough to be seen. */
const MAX_BARS = 128;

export function Bars({ values, label }: { values: ArrayLike<number>; label: string }) {
  const bars = Array.from(values).slice(0, MAX_BARS);
  const reach = Math.max(1e-9, ...bars.map((value) => Math.abs(value) || 0));
  const all = values.length > MAX_BARS ? `${label}, the first ${MAX_BARS} of ${values.length} numbers` : label;
  return (
    <svg class="bars" role="img" aria-label={all} viewBox={`0 0 ${bars.length} ${HEIGHT}`} preserveAspectRatio="none">
      {bars.map((value, place) => {
        const height = ((Math.abs(value) || 0) / reach) * (HEIGHT / 2);
        return (
          <rect
            key={place}
            class={value < 0 ? "negative" : "positive"}
            x={place + 0.1}
            width={0.8}
            y={value < 0 ? HEIGHT / 2 : HEIGHT / 2 - height}
            height={height}
          >
            <title>{`${place + 1}: ${formatNumber(value)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** Write a number with three digits that count. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "unknown";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 100_000)) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}
