/** The points nearest to something, with their distances. */

import type { Neighbour } from "../model/neighbours";
import { formatNumber } from "../ui/Bars";
import { PointStrip } from "../ui/PointStrip";

export function NeighbourStrip({ title, neighbours }: { title: string; neighbours: readonly Neighbour[] }) {
  const points = neighbours.map(({ point }) => point);
  return <PointStrip title={title} points={points} notes={neighbours.map(({ distance }) => formatNumber(distance))} />;
}
