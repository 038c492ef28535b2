import type { Point } from './scene.ts';

/** How much of each pixel is covered, 0–1, and the rows and columns outside of which nothing is. */
export type Coverage = {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
  bounds: { left: number; top: number; right: number; bottom: number };
};

const nowhere = { left: Number.POSITIVE_INFINITY, top: Number.POSITIVE_INFINITY, right: -1, bottom: -1 };

export function createCoverage(width: number, height: number): Coverage {
  return { width, height, values: new Float32Array(width * height), bounds: { ...nowhere } };
}

export function clear(coverage: Coverage): void {
  const { left, top, right, bottom } = coverage.bounds;
  for (let y = top; y <= bottom; y++) coverage.values.fill(0, y * coverage.width + left, y * coverage.width + right + 1);
  coverage.bounds = { ...nowhere };
}

/**
 * Adds a polygon; where it overlaps what is there, the larger coverage stays. Each edge leaves in the pixels that it crosses the signed
 * area to its right; a running sum along the row then gives the coverage, exact without sampling.
 */
export function addPolygon(coverage: Coverage, polygon: readonly Point[]): void {
  const { width, height, values } = coverage;
  const box = boxOf(polygon, width, height);
  if (box === undefined) return;
  // Two more than the box is wide: an edge at its right side leaves its sum beyond it.
  const columns = box.right - box.left + 3;
  const areas = new Float32Array(columns * (box.bottom - box.top + 1));
  let before = polygon.at(-1);
  for (const point of polygon) {
    if (before !== undefined) addEdge(areas, columns, box, before, point);
    before = point;
  }
  for (let y = box.top; y <= box.bottom; y++) {
    let sum = 0;
    for (let x = box.left; x <= box.right; x++) {
      sum += areas[(y - box.top) * columns + x - box.left] ?? 0;
      const covered = Math.min(1, Math.abs(sum));
      const at = y * width + x;
      if (covered > (values[at] ?? 0)) values[at] = covered;
    }
  }
  const { bounds } = coverage;
  coverage.bounds = {
    left: Math.min(bounds.left, box.left),
    top: Math.min(bounds.top, box.top),
    right: Math.max(bounds.right, box.right),
    bottom: Math.max(bounds.bottom, box.bottom),
  };
}

type Box = Coverage['bounds'];

function boxOf(polygon: readonly Point[], width: number, height: number): Box | undefined {
  const xs = polygon.map(([x]) => x);
  const ys = polygon.map(([, y]) => y);
  const box = {
    left: Math.max(0, Math.floor(Math.min(...xs))),
    top: Math.max(0, Math.floor(Math.min(...ys))),
    right: Math.min(width - 1, Math.floor(Math.max(...xs))),
    bottom: Math.min(height - 1, Math.floor(Math.max(...ys))),
  };
  return box.left > box.right || box.top > box.bottom ? undefined : box;
}

function addEdge(areas: Float32Array, columns: number, box: Box, from: Point, to: Point): void {
  if (from[1] === to[1]) return;
  const [upper, lower, direction] = from[1] < to[1] ? ([from, to, 1] as const) : ([to, from, -1] as const);
  const slope = (lower[0] - upper[0]) / (lower[1] - upper[1]);
  // What lies left of the box counts in full from its first column on; what lies right of it does not count.
  const clampX = (x: number) => Math.min(Math.max(x, box.left), box.right + 1) - box.left;
  for (let y = Math.max(box.top, Math.floor(upper[1])); y <= Math.min(box.bottom, Math.floor(lower[1])); y++) {
    const top = Math.max(y, upper[1]);
    const bottom = Math.min(y + 1, lower[1]);
    if (bottom <= top) continue;
    const ends = [clampX(upper[0] + (top - upper[1]) * slope), clampX(upper[0] + (bottom - upper[1]) * slope)] as const;
    addSpan(areas, (y - box.top) * columns, Math.min(...ends), Math.max(...ends), (bottom - top) * direction);
  }
}

/** One edge within one row: spreads `share` of the row over the pixels that it crosses and the one after. */
function addSpan(areas: Float32Array, row: number, left: number, right: number, share: number): void {
  // What a pixel is covered by an edge that reaches it between `from` and `to`: all that passed before, and the part to the edge's right.
  const coveredAt = (column: number): number => {
    const [from, to] = [Math.max(left, column), Math.min(right, column + 1)];
    if (right === left) return share * (column + 1 - left);
    return (share * (from - left + (to - from) * (column + 1 - (from + to) / 2))) / (right - left);
  };
  let before = 0;
  for (let column = Math.floor(left); column <= Math.floor(right); column++) {
    const covered = coveredAt(column);
    areas[row + column] = (areas[row + column] ?? 0) + covered - before;
    before = covered;
  }
  const after = row + Math.floor(right) + 1;
  areas[after] = (areas[after] ?? 0) + share - before;
}
