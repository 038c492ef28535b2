import type { Palette } from './palettes.ts';
import { between, type Random } from './random.ts';
import type { Fill, Part, Placement, Point, Scene } from './scene.ts';

/** What the parts of one picture are made with. Sizes are given for a height of 520 and grow with `unit`. */
export type Canvas = {
  readonly width: number;
  readonly height: number;
  readonly unit: number;
  readonly random: Random;
  readonly palette: Palette;
  /** Height of the ground at x, from the top. */
  readonly groundAt: (x: number) => number;
  /** How tall plants grow at a share of the width, 0–1: what makes a layout a valley, an island or a slope. */
  readonly growthAt: (share: number) => number;
  /** Keeps a shape under its name and returns the name. */
  readonly define: (name: string, shape: string | Scene['shapes'][string]) => string;
};

export const solid = (color: string, opacity = 1): Fill => ({ color, opacity });

export const outline = (d: string, fill?: Fill) => ({ kind: 'outline', d, ...(fill && { fill }) }) as const;

export const group = (fill: Fill, parts: readonly Placement[]): Part => ({ kind: 'group', fill, parts });

export const at = (shape: string, x: number, y: number, scaleX = 1, scaleY = Math.abs(scaleX)): Placement => ({
  kind: 'placement',
  shape,
  x,
  y,
  scaleX,
  scaleY,
});

export function dots(color: string, opacity: number, radius: number, points: readonly Point[]): Part {
  return { kind: 'dots', color, opacity, radius, points };
}

/** A row of plants between two shares of the width, evenly spread with some disorder. */
export function plantRow(
  canvas: Canvas,
  names: readonly string[],
  row: { readonly count: number; readonly size: number; readonly from?: number; readonly to?: number; readonly sink?: number },
): Placement[] {
  const { random, width, unit } = canvas;
  const { from = -0.02, to = 1.02, sink = 6 } = row;
  return Array.from({ length: row.count }, (_, index) => {
    const share = from + ((index + between(random, 0.1, 0.9)) / row.count) * (to - from);
    const scale = row.size * canvas.growthAt(Math.min(1, Math.max(0, share))) * between(random, 0.82, 1.14) * unit;
    const x = share * width;
    return at(names[index % names.length] ?? '', x, canvas.groundAt(x) + sink, random() < 0.5 ? -scale : scale, scale);
  });
}

/** Bubbles that grow as they rise. */
export function bubbles(
  canvas: Canvas,
  count: number,
  area: { readonly from: number; readonly to: number; readonly low?: number },
): Part[] {
  const { random, width, height, unit } = canvas;
  const { low = 0.8 } = area;
  return [3, 7].map((radius, size) =>
    dots(
      '#ffffff',
      0.5 - size * 0.12,
      radius * unit,
      Array.from({ length: Math.ceil(count / (size + 1.6)) }, () => [
        between(random, area.from, area.to) * width,
        height * between(random, 0.1, low - size * 0.25),
      ]),
    ),
  );
}
