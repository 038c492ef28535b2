import type { Point } from './scene.ts';

// Whole units are fine enough at the sizes shown, and keep a picture below 4 KB.
function numbers(points: readonly Point[]): string {
  return points
    .flat()
    .map((value) => String(Math.round(value) || 0))
    .join(' ')
    .replaceAll(' -', '-');
}

export const moveTo = (...point: Point): string => `M${numbers([point])}`;
export const lineTo = (...points: readonly Point[]): string => `L${numbers(points)}`;
/** Steps from where the path stands. */
export const lineBy = (points: readonly Point[]): string => `l${numbers(points)}`;
export const curveTo = (control: Point, end: Point): string => `Q${numbers([control, end])}`;
export const cubicTo = (first: Point, second: Point, end: Point): string => `C${numbers([first, second, end])}`;

/** A leaf: two arcs from `from` to `to`, `width` across at the middle, bent sideways by `bend`. */
export function leaf(from: Point, to: Point, width: number, bend = 0): string {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy) || 1;
  const sideways = (distance: number): Point => [(-dy / length) * distance, (dx / length) * distance];
  const [left, right] = [sideways(bend + width), sideways(bend - width)];
  // Relative, as the numbers are shorter; filling closes it.
  const outline = numbers([
    [dx / 2 + left[0], dy / 2 + left[1]],
    [dx, dy],
    [right[0] - dx / 2, right[1] - dy / 2],
    [-dx, -dy],
  ]);
  return `${moveTo(...from)}q${outline}`;
}

/** A limb that narrows from `startWidth` at `from` to `endWidth` at `to`, along a quadratic curve. */
export function limb(from: Point, control: Point, to: Point, startWidth: number, endWidth: number): string {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy) || 1;
  const across = (point: Point, width: number): Point => [point[0] - (dy / length) * (width / 2), point[1] + (dx / length) * (width / 2)];
  const middle = (startWidth + endWidth) / 2;
  return (
    moveTo(...across(from, startWidth)) +
    curveTo(across(control, middle), across(to, endWidth)) +
    lineTo(across(to, -endWidth)) +
    curveTo(across(control, -middle), across(from, -startWidth)) +
    'z'
  );
}
