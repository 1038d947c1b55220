/** Codes on the way from one to another. */

export type WalkKind = "linear" | "spherical";

/** Return `steps` codes (steps, D) from one to another, both included. */
export function walk(from: Float32Array, to: Float32Array, steps: number, kind: WalkKind): Float32Array {
  const codes = new Float32Array(steps * from.length);
  for (let step = 0; step < steps; step++) {
    const [a, b] = weights(from, to, step / (steps - 1), kind);
    codes.set(
      from.map((value, d) => a * value + b * (to[d] as number)),
      step * from.length,
    );
  }
  return codes;
}

/**
 * What both ends weigh after a share of the way.
 *
 * On a sphere (Shoemake 1985) codes keep their distance from the origin, where a normal prior has
 * hardly any.
 */
function weights(from: Float32Array, to: Float32Array, share: number, kind: WalkKind): [number, number] {
  const dot = from.reduce((sum, value, d) => sum + value * (to[d] as number), 0);
  const cosine = dot / (Math.hypot(...from) * Math.hypot(...to) || 1);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (kind === "linear" || Math.sin(angle) < 1e-6) return [1 - share, share];
  return [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
}
