import { at, bubbles, type Canvas, group, outline, plantRow, solid } from './canvas.ts';
import { lookOf } from './palettes.ts';
import { curveTo, lineBy, lineTo, moveTo } from './path.ts';
import { between, createRandom, type Random } from './random.ts';
import type { Part, Point, Scene } from './scene.ts';
import * as shapes from './shapes.ts';
import { drawSubject, lightRays, strata } from './subjects.ts';

/** `card` is for covers, `wide` for the head of an article, `preview` for link previews, `social` for posts; width and height. */
export const formats = { card: [800, 520], wide: [1600, 640], preview: [1200, 630], social: [1080, 1350] } as const;
export type Format = keyof typeof formats;

const layouts: readonly ((share: number) => number)[] = [
  // A valley, an island, and a slope to either side.
  (share) => 0.3 + 0.74 * Math.abs(share * 2 - 1) ** 1.2,
  (share) => 0.34 + 0.62 * Math.exp(-(((share - 0.36) / 0.22) ** 2)),
  (share) => 0.28 + 0.76 * share ** 1.4,
  (share) => 0.28 + 0.76 * (1 - share) ** 1.4,
];

/** The water's surface seen from below: a bright band with a wavering lower edge. */
function drawSurface({ width, random }: Canvas): Part {
  const step = width / 5;
  let d = moveTo(0, 0) + lineTo([width, 0], [width, 14]);
  for (let x = width; x > 1; x -= step) d += curveTo([x - step / 2, between(random, 0, 44)], [x - step, 14]);
  return outline(d, solid('#ffffff', 0.42));
}

/** The ground covered with grass, as one outline. */
function drawCarpet({ width, height, groundAt, random, unit, palette }: Canvas): Part {
  const count = Math.min(26, Math.round(width / (22 * unit)));
  const footAt = (index: number): Point => [Math.round((width * index) / count), Math.round(groundAt((width * index) / count))];
  const steps = Array.from({ length: count }, (_, index): readonly Point[] => {
    const [[fromX, fromY], [toX, toY]] = [footAt(index), footAt(index + 1)];
    const [tipX, tipY] = [Math.round(between(random, -4, 22) * unit), -Math.round(between(random, 7, 21) * unit)];
    return [
      [tipX, tipY],
      [toX - fromX - tipX, toY - fromY - tipY],
    ];
  });
  const grass = `${moveTo(...footAt(0))}${lineBy(steps.flat())}${lineTo([width, height], [0, height])}z`;
  return outline(grass, solid(palette.middle));
}

function drawSoil({ width, height, groundAt, unit, palette }: Canvas): Part {
  const below = (share: number, more = 0) => groundAt(share * width) + (20 + more) * unit;
  const soil =
    moveTo(0, below(0)) +
    curveTo([width * 0.25, below(0.25, -14)], [width * 0.5, below(0.5)]) +
    curveTo([width * 0.75, below(0.75, 10)], [width, below(1)]) +
    lineTo([width, height], [0, height]);
  return outline(soil, solid(palette.ground));
}

/** The plants nearest to the glass: the same few in both corners. */
function drawCorners({ width, height, random, unit, palette, define }: Canvas, tall: string, broad: string): Part {
  const corner = define('n', [at(broad, 18, 0, 1.3), at(tall, 100, 0, between(random, 0.6, 0.95))]);
  const [left, right] = [between(random, 0.85, 1.15) * unit, between(random, 0.7, 1.1) * unit];
  return group(solid(palette.near), [at(corner, 0, height + 14, left), at(corner, width, height + 14, -right)]);
}

function createCanvas(format: Format, category: string, seed: string, random: Random) {
  const [width, height] = formats[format];
  const { palette, subject } = lookOf(category, seed);
  const defined: Record<string, Scene['shapes'][string]> = {};
  const depth = subject === 'soil' ? 0.66 : between(random, 0.82, 0.87);
  const roll = between(random, -0.04, 0.04);
  const canvas: Canvas = {
    width,
    height,
    unit: height / 520,
    random,
    palette,
    groundAt: (x) => height * (depth + roll * (x / width - 0.5) * 2 + 0.02 * Math.sin((x / width) * Math.PI * 2 + roll * 60)),
    growthAt: layouts[Math.floor(random() * layouts.length)] ?? (() => 1),
    define: (name, shape) => {
      defined[name] = typeof shape === 'string' ? [outline(shape)] : shape;
      return name;
    },
  };
  return { canvas, subject, defined };
}

/** The same format, category and seed always give the same picture. */
export function composeArtwork(format: Format, category: string, seed: string): Scene {
  const random = createRandom(`${category}/${seed}`);
  const { canvas, subject, defined } = createCanvas(format, category, seed, random);
  const { width, height, palette, define, unit } = canvas;
  const tall = define('c', shapes.grass(random));
  const broad = define('w', random() < 0.55 ? shapes.rosette(random) : shapes.fern(random));
  const names = [tall, define('e', shapes.stemPlant(random)), broad];
  const row = define('y', plantRow(canvas, names, { count: format === 'card' ? 6 : 7, size: 1.5 }));
  // What stands further off is the same row, mirrored and larger: two depths for the bytes of one.
  const [farX, farY] = [1.25, 1.4];
  const base = canvas.groundAt(width / 2);
  return {
    width,
    height,
    backdrop: palette.water.map((color, index) => ({ offset: index / 2, color, opacity: 1 })),
    shapes: defined,
    parts: [
      drawSurface(canvas),
      lightRays(canvas, 0.36),
      group(solid(palette.far, 0.55), [at(row, width * (0.5 + farX / 2), base * (1 - farY) + 10 * unit, -farX, farY)]),
      group(solid(palette.middle, 0.9), [at(row, 0, 0)]),
      ...drawSubject(canvas, subject),
      drawCarpet(canvas),
      ...(subject === 'soil' ? strata(canvas) : [drawSoil(canvas)]),
      drawCorners(canvas, tall, broad),
      ...bubbles(canvas, 6, { from: 0.2, to: 0.8 }),
    ],
  };
}

/** The edge of the deep part at the foot of every page: plants before whatever is behind them. `color` is that of the deep. */
export function composeShore(color: string): Scene {
  const [width, height] = [1600, 180];
  const random = createRandom('shore');
  const plants = [shapes.grass(random), shapes.rosette(random), shapes.fern(random), shapes.stemPlant(random), shapes.mound(random)];
  const names = ['a', 'b', 'c', 'd', 'e'];
  const standing = Array.from({ length: 22 }, (_, index) => {
    const share = (index + between(random, 0.1, 0.9)) / 22;
    // Higher towards the sides, so that the middle stays open.
    const size = (0.25 + 0.62 * Math.abs(share * 2 - 1) ** 1.4) * between(random, 0.8, 1.15);
    return at(names[Math.floor(random() * names.length)] ?? 'a', share * width, height - 24, random() < 0.5 ? -size : size, size);
  });
  const step = width / 8;
  let floor = moveTo(0, height) + lineTo([0, height - 30]);
  for (let x = 0; x < width; x += step) floor += curveTo([x + step / 2, height - between(random, 26, 44)], [x + step, height - 30]);
  return {
    width,
    height,
    backdrop: null,
    shapes: Object.fromEntries(names.map((name, index) => [name, [outline(plants[index] ?? '')]])),
    parts: [outline(`${floor}${lineTo([width, height])}z`, solid(color)), group(solid(color), standing)],
  };
}
