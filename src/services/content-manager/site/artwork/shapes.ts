import { cubicTo, curveTo, leaf, limb, lineTo, moveTo } from './path.ts';
import { between, type Random } from './random.ts';

// Every plant stands on (0, 0) and grows upwards, to about -200; the scale of its placement makes it small or tall.

/** Upright stem with leaves in pairs that grow smaller towards the tip. */
export function stemPlant(random: Random): string {
  const sway = between(random, -26, 26);
  const pairs = 5;
  const length = between(random, 42, 58);
  const width = between(random, 0.2, 0.34);
  const parts = [leaf([0, 0], [sway / 2, -196], 4, sway * 0.6)];
  for (let pair = 0; pair < pairs; pair++) {
    const rise = 0.16 + (0.84 * pair) / (pairs - 1);
    const x = (rise * sway) / 2 + 4 * rise * (1 - rise) * sway * 0.3;
    const reach = length * (1.1 - 0.62 * rise);
    for (const side of [-1, 1]) {
      parts.push(leaf([x, -196 * rise], [x + side * reach, -196 * rise - reach * (0.4 + rise * 0.5)], reach * width, side * reach * 0.16));
    }
  }
  return parts.join('');
}

/** Broad leaves that rise from one point, as a sword plant's. */
export function rosette(random: Random): string {
  const leaves = 7;
  return Array.from({ length: leaves }, (_, index) => {
    const angle = ((index / (leaves - 1)) * 2 - 1) * 1.15 + between(random, -0.1, 0.1);
    const length = 196 - 62 * Math.abs(angle) + between(random, -18, 18);
    return leaf([0, 6], [Math.sin(angle) * length, -Math.cos(angle) * length], between(random, 22, 34), angle * 26);
  }).join('');
}

/** Long narrow blades, as of Vallisneria. */
export function grass(random: Random): string {
  const count = 7;
  return Array.from({ length: count }, (_, index) => {
    const lean = (index / (count - 1)) * 2 - 1 + between(random, -0.15, 0.15);
    return leaf(
      [lean * 12, 4],
      [lean * 74 + between(random, -12, 12), -between(random, 110, 205)],
      8,
      lean * 22 + between(random, -16, 16),
    );
  }).join('');
}

/** A feathered frond that hangs over to one side, as a fern's. */
export function fern(random: Random): string {
  const [tipX, tipY] = [between(random, 90, 130), -between(random, 150, 190)];
  const parts = [limb([0, 0], [4, tipY * 0.95], [tipX, tipY], 5, 1)];
  for (let pinna = 1; pinna <= 5; pinna++) {
    const t = pinna / 5;
    const x = 8 * t * (1 - t) + t * t * tipX;
    const y = 1.9 * t * (1 - t) * tipY + t * t * tipY;
    const reach = 62 * (1.05 - t * 0.62);
    parts.push(leaf([x, y], [x + reach * 0.86, y + reach * 0.42], reach * 0.17));
    parts.push(leaf([x, y], [x - reach * 0.34, y - reach * 0.86], reach * 0.17));
  }
  return parts.join('');
}

/** Fine threads that wave about: hair algae, or roots when turned upside down. */
export function threads(random: Random): string {
  return Array.from({ length: 5 }, (_, index) => {
    const lean = index / 2 - 1;
    return leaf([lean * 16, 3], [lean * 52 + between(random, -18, 18), -between(random, 70, 170)], 3, between(random, -34, 34));
  }).join('');
}

/** A clipped mound, as of a moss or of trimmed stems. */
export function mound(random: Random): string {
  const bumps = 6;
  const rimOf = (share: number, swell: number) => {
    const angle = Math.PI * (1 - share);
    return [Math.cos(angle) * 100 * swell, 6 - Math.sin(angle) * 84 * swell] as const;
  };
  let path = moveTo(-100, 6);
  for (let bump = 1; bump <= bumps; bump++)
    path += curveTo(rimOf((bump - 0.5) / bumps, between(random, 1.28, 1.42)), rimOf(bump / bumps, 1));
  return `${path}z`;
}

/** A stone, and the facets of it that the light reaches. */
export function stone(random: Random): { readonly body: string; readonly facet: string } {
  const lean = between(random, -34, 34);
  const peak = -between(random, 124, 172);
  const [leftX, leftY] = [between(random, -86, -62), -between(random, 50, 92)];
  const [rightX, rightY] = [between(random, 58, 86), -between(random, 36, 78)];
  const body =
    moveTo(-104, 6) + lineTo([leftX, leftY], [lean - 26, peak + 18], [lean + 6, peak], [lean + 34, peak + 34], [rightX, rightY], [106, 6]);
  const facets = [
    moveTo(lean + 6, peak) + lineTo([lean + 34, peak + 34], [lean + 12, -30], [lean - 8, -64]),
    moveTo(leftX, leftY) + lineTo([lean - 26, peak + 18], [lean - 16, -58], [-58, -22]),
    moveTo(rightX, rightY) + lineTo([96, -2], [48, -14]),
  ];
  return { body: `${body}z`, facet: `${facets.join('z')}z` };
}

/** A root of driftwood: a low trunk, from which branches bend upwards. */
export function driftwood(random: Random): string {
  const reach = between(random, 170, 220);
  const rise = between(random, 120, 180);
  const lean = between(random, 40, 100);
  return [
    limb([-150, 10], [-40, -70], [reach * 0.6, -54], 54, 24),
    limb([40, -62], [reach * 0.9, -40], [reach, -rise], 32, 1),
    limb([reach * 0.78, -30 - rise * 0.36], [reach * 1.1, -70], [reach * 1.3, -between(random, 90, 130)], 16, 1),
    limb([-80, -22], [-110, -120], [-110 + lean, -between(random, 190, 230)], 32, 1),
    limb([-98, -84], [-130, -120], [-between(random, 170, 200), -between(random, 130, 170)], 16, 1),
    limb([-6, -50], [40, -110], [20, -between(random, 150, 190)], 22, 1),
  ].join('');
}

/** A small fish that swims to the right. */
export const fish =
  moveTo(28, 0) +
  cubicTo([14, -15], [-12, -14], [-22, -2]) +
  lineTo([-40, -13], [-34, 0], [-40, 13], [-22, 3]) +
  cubicTo([-12, 14], [14, 13], [28, 0]) +
  'z';

/** The bright stripe along its side. */
export const fishStripe = `${moveTo(22, -4) + curveTo([0, -10], [-22, -2]) + curveTo([0, -2], [22, -4])}z`;

/** A shrimp that walks to the right. */
export const shrimp =
  moveTo(34, -14) +
  cubicTo([20, -26], [-6, -26], [-20, -10]) +
  cubicTo([-26, -4], [-28, 4], [-38, 8]) +
  cubicTo([-24, 12], [-14, 4], [-6, -4]) +
  curveTo([14, -6], [34, -14]) +
  'z' +
  leaf([32, -15], [82, -36], 2, 6) +
  leaf([32, -14], [86, -18], 2, 8) +
  [-2, 8, 18].map((x) => leaf([x, -7], [x + 5, 10], 2)).join('');

/** A glass tube that comes over the rim and ends in a bell: the outflow of a filter; and where the light runs along it. */
export const lilyPipe = {
  body: `${moveTo(0, -400)}${lineTo([18, -400], [18, -60])}${cubicTo([18, -14], [60, -10], [118, -62])}${lineTo([142, 8])}${cubicTo([60, 36], [0, 18], [0, -60])}z`,
  shine: `${moveTo(12, -400)}${lineTo([15, -400], [15, -60])}${cubicTo([17, -6], [62, -4], [118, -62])}${lineTo([123, -50])}${cubicTo([64, 6], [10, 2], [11, -60])}z`,
} as const;

/** A bell of glass with a fine frit, from which the gas rises. */
export const diffuser =
  moveTo(-4, -340) +
  lineTo([4, -340], [4, -44]) +
  curveTo([38, -40], [40, -8]) +
  lineTo([44, 4], [-44, 4], [-40, -8]) +
  curveTo([-38, -40], [-4, -44]) +
  'z';

/** A floating leaf seen from below. */
export const lilyPad = `${moveTo(-60, 0) + curveTo([0, 24], [60, 0]) + curveTo([0, -9], [-60, 0])}z`;
