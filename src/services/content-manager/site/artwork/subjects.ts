import { at, bubbles, type Canvas, dots, group, outline, plantRow, solid } from './canvas.ts';
import type { Subject } from './palettes.ts';
import { curveTo, lineTo, moveTo } from './path.ts';
import { between } from './random.ts';
import type { Part } from './scene.ts';
import * as shapes from './shapes.ts';

export function lightRays(canvas: Canvas, strength: number): Part {
  const { random, width, height, unit } = canvas;
  const source = between(random, 0.25, 0.75) * width;
  const gradient = [
    { offset: 0, color: '#fffbe0', opacity: strength },
    { offset: 0.92, color: '#fffbe0', opacity: 0 },
  ];
  const rays = [0, 1, 2, 3].map((index) => {
    const top = source + ((index - 1.5) * 70 + between(random, -18, 18)) * unit;
    const foot = source + (index - 1.5) * between(random, 210, 290) * unit;
    const spread = between(random, 34, 90) * unit;
    return `${moveTo(top - 14, 0)}${lineTo([top + 18, 0], [foot + spread, height], [foot - spread, height])}z`;
  });
  return outline(rays.join(''), { gradient });
}

function stones({ random, width, unit, groundAt, define }: Canvas, body: string, facet: string): Part {
  const rock = shapes.stone(random);
  const stone = define('k', [outline(rock.body, solid(body)), outline(rock.facet, solid(facet, 0.45))]);
  const focus = between(random, 0.36, 0.42);
  const isMirrored = random() < 0.5;
  const spots = [
    [0, 1.5, 1.7],
    [168, -0.95, 0.95],
    [-132, 0.7, 0.62],
    [262, 0.55, 0.4],
  ] as const;
  return group(
    solid(body),
    spots.map(([shift, broad, tall]) => {
      const x = isMirrored ? width * (1 - focus) - shift * unit : width * focus + shift * unit;
      return at(stone, x, groundAt(x) + 14, broad * unit * (isMirrored ? -1 : 1), tall * unit);
    }),
  );
}

function school({ random, width, height, unit, palette, define }: Canvas): Part {
  const fish = define('i', [outline(shapes.fish), outline(shapes.fishStripe, solid(palette.accent))]);
  const heading = random() < 0.5 ? 1 : -1;
  const [centreX, centreY] = [between(random, 0.42, 0.58) * width, between(random, 0.34, 0.42) * height];
  return group(
    solid(palette.near),
    Array.from({ length: 7 }, (_, index) => {
      // The golden angle spreads them evenly without a pattern.
      const [angle, distance] = [index * 2.4, 52 * Math.sqrt(index + 0.3) * unit];
      const size = between(random, 0.9, 1.5) * unit;
      return at(fish, centreX + Math.cos(angle) * distance * 2, centreY + Math.sin(angle) * distance * 0.9, size * heading, size);
    }),
  );
}

function shrimps({ random, width, unit, palette, groundAt, define }: Canvas): Part[] {
  const moss = define('o', shapes.mound(random));
  const shrimp = define('i', shapes.shrimp);
  const x = between(random, 0.36, 0.6) * width;
  const place = (shape: string, shift: number, lift: number, broad: number) =>
    at(shape, x + shift * unit, groundAt(x + shift * unit) - lift * unit, broad * unit, Math.abs(broad) * unit);
  return [
    group(solid(palette.middle), [place(moss, -150, -14, 1.2), place(moss, 40, -14, 1), place(moss, 190, -14, 0.7)]),
    group(solid(palette.accent), [place(shrimp, 30, 72, 1.6), place(shrimp, -150, 90, -1.2), place(shrimp, 215, 8, -0.9)]),
  ];
}

function wood({ random, width, unit, palette, groundAt, define }: Canvas): Part[] {
  const x = between(random, 0.36, 0.6) * width;
  const side = random() < 0.5 ? -1 : 1;
  const root = define('d', shapes.driftwood(random));
  const moss = define('o', shapes.mound(random));
  const cushion = (shift: number, size: number) =>
    at(moss, x + shift * side * unit, groundAt(x) + 10 * unit, size * unit, size * 1.15 * unit);
  return [
    group(solid('#4a3628'), [at(root, x, groundAt(x) + 14, side * 1.3 * unit, 1.3 * unit)]),
    group(solid(palette.middle), [cushion(-180, 0.75), cushion(-50, 0.45), cushion(170, 0.6)]),
  ];
}

/** The ground cut open: soils, stones and roots. */
export function strata(canvas: Canvas): Part[] {
  const { random, width, height, unit, groundAt, define } = canvas;
  const band = (depth: number, color: string): Part => {
    const edge = (share: number, sway = 0) => groundAt(share * width) + (depth + sway) * unit;
    const top =
      moveTo(0, edge(0)) +
      curveTo([width * 0.25, edge(0.25, between(random, -24, 6))], [width * 0.5, edge(0.5)]) +
      curveTo([width * 0.75, edge(0.75, between(random, -24, 6))], [width, edge(1)]);
    return outline(`${top}${lineTo([width, height], [0, height])}z`, solid(color));
  };
  const pebbles = (radius: number, from: number, to: number, color: string): Part => {
    const points = Array.from({ length: 9 }, () => {
      const x = random() * width;
      return [x, groundAt(x) + between(random, from, to) * unit] as const;
    });
    return dots(color, 0.75, radius * unit, points);
  };
  const roots = plantRow(canvas, [define('x', shapes.threads(random))], { count: 4, size: 1 });
  return [
    band(24, '#6d5236'),
    pebbles(4, 38, 84, '#c4a676'),
    band(96, '#4a3727'),
    pebbles(6, 112, 150, '#6d5236'),
    group(
      solid('#eadfbd', 0.8),
      roots.map((root) => ({ ...root, scaleX: 0.7 * unit, scaleY: -0.5 * unit })),
    ),
  ];
}

function hedges({ random, width, unit, palette, groundAt, define }: Canvas): Part[] {
  const hedge = define('o', shapes.mound(random));
  const isMirrored = random() < 0.5;
  const row = (color: string, spots: readonly (readonly [share: number, broad: number, tall: number])[]): Part =>
    group(
      solid(color),
      spots.map(([share, broad, tall]) => {
        const x = (isMirrored ? 1 - share : share) * width;
        return at(hedge, x, groundAt(x) + 36, broad * unit, tall * unit);
      }),
    );
  return [
    row(palette.accent, [
      [0.12, 1.3, 2.5],
      [0.28, 1.2, 2],
    ]),
    row('#8dbf6c', [
      [0.44, 1.2, 1.7],
      [0.58, 1.1, 1.3],
    ]),
    row(palette.middle, [
      [0.18, 1.4, 1],
      [0.76, 1.4, 1],
      [0.95, 1.3, 1.6],
    ]),
  ];
}

/** What a picture is about; it stands between the plants behind and those in front. */
export function drawSubject(canvas: Canvas, subject: Subject): Part[] {
  const { random, width, unit, palette, define, groundAt } = canvas;
  switch (subject) {
    case 'garden': {
      const red = define('z', shapes.stemPlant(random));
      return [group(solid(palette.accent, 0.92), plantRow(canvas, [red], { count: 5, size: 1.5, from: 0.5, to: 0.86 }))];
    }
    case 'fish':
      return [school(canvas)];
    case 'shrimp':
      return shrimps(canvas);
    case 'stones':
      return [stones(canvas, '#3d4b4c', '#c9d1c4')];
    case 'wood':
      return wood(canvas);
    case 'soil':
      return [];
    case 'sun': {
      const pad = define('p', shapes.lilyPad);
      const pads = [0.13, 0.3, 0.68, 0.87].map((share, index) => at(pad, share * width, 10 + index * 2, (1 + index * 0.14) * unit));
      return [lightRays(canvas, 0.8), group(solid(palette.middle), pads)];
    }
    case 'gas': {
      const x = between(random, 0.42, 0.58) * width;
      const diffuser = at(define('q', shapes.diffuser), x, groundAt(x) - 30 * unit, 1.15 * unit);
      return [
        group(solid('#eefaf8', 0.85), [diffuser]),
        ...bubbles(canvas, 40, { from: x / width - 0.04, to: x / width + 0.13, low: 0.7 }),
      ];
    }
    case 'ripples':
      return [school(canvas), ...bubbles(canvas, 16, { from: 0.1, to: 0.9 })];
    case 'algae': {
      const tufts = plantRow(canvas, [define('x', shapes.threads(random))], { count: 5, size: 1.3, from: 0.2, to: 0.82, sink: -20 });
      return [stones(canvas, palette.accent, '#9aa58d'), group(solid('#8fbf4a', 0.95), tufts)];
    }
    case 'hedge':
      return hedges(canvas);
    case 'glass': {
      const x = between(random, 0.2, 0.36) * width;
      const { body, shine } = shapes.lilyPipe;
      const pipe = define('q', [outline(body, solid('#ffffff', 0.45)), outline(shine, solid('#ffffff', 0.9))]);
      return [
        group(solid('#ffffff'), [at(pipe, x, 230 * unit, 1.6 * unit)]),
        ...bubbles(canvas, 18, { from: x / width + 0.2, to: x / width + 0.5, low: 0.6 }),
      ];
    }
  }
}
