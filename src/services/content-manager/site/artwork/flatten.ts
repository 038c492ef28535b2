import type { Point } from './scene.ts';

/** Where a point of a shape comes to stand: scaled, then moved. */
export type Transform = { readonly scaleX: number; readonly scaleY: number; readonly x: number; readonly y: number };

export const identity: Transform = { scaleX: 1, scaleY: 1, x: 0, y: 0 };

/** First `inner`, then `outer`. */
export function combine(outer: Transform, inner: Transform): Transform {
  return {
    scaleX: outer.scaleX * inner.scaleX,
    scaleY: outer.scaleY * inner.scaleY,
    x: outer.x + outer.scaleX * inner.x,
    y: outer.y + outer.scaleY * inner.y,
  };
}

const stepsOfCurve = 12;
const coordinatesOf: Readonly<Record<string, number>> = { M: 2, L: 2, l: 2, Q: 4, q: 4, C: 6 };

/** A point of a Bézier curve of any degree, by de Casteljau's construction. */
function pointOn(controls: readonly Point[], t: number): Point {
  if (controls.length === 1) return controls[0] ?? [0, 0];
  const next = controls.slice(1).map(([x, y], index): Point => {
    const [fromX, fromY] = controls[index] ?? [x, y];
    return [fromX + (x - fromX) * t, fromY + (y - fromY) * t];
  });
  return pointOn(next, t);
}

/** Path data of M, L, l, Q, q, C and z as closed polygons, one a subpath. */
export function flatten(d: string, transform: Transform): Point[][] {
  const polygons: Point[][] = [];
  let polygon: Point[] = [];
  let pen: Point = [0, 0];
  const place = ([x, y]: Point): Point => [transform.x + x * transform.scaleX, transform.y + y * transform.scaleY];

  for (const [, command = '', text = ''] of d.matchAll(/([a-zA-Z])([^a-zA-Z]*)/g)) {
    const numbers = (text.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number);
    const size = coordinatesOf[command];
    if (size === undefined) continue;
    for (let start = 0; start + size <= numbers.length; start += size) {
      const isRelative = command === command.toLowerCase();
      const points: Point[] = [];
      for (let index = start; index < start + size; index += 2) {
        const [x, y] = [numbers[index] ?? 0, numbers[index + 1] ?? 0];
        points.push(isRelative ? [pen[0] + x, pen[1] + y] : [x, y]);
      }
      if (command === 'M') polygons.push((polygon = []));
      const controls = [pen, ...points];
      const steps = points.length === 1 ? 1 : stepsOfCurve;
      for (let step = 1; step <= steps; step++)
        polygon.push(place(points.length === 1 ? (points[0] ?? pen) : pointOn(controls, step / steps)));
      pen = points.at(-1) ?? pen;
    }
  }
  return polygons;
}
