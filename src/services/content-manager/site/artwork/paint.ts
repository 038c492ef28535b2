import { addPolygon, type Coverage, clear, createCoverage } from './coverage.ts';
import { combine, flatten, identity, type Transform } from './flatten.ts';
import type { Fill, Part, Point, Scene, Stop } from './scene.ts';

type Rgb = readonly [red: number, green: number, blue: number];
type Colour = { readonly rgb: Rgb; readonly opacity: number };

function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function mix(stops: readonly Stop[], share: number): Colour {
  const index = stops.findIndex(({ offset }) => offset >= share);
  const [after, before] = [stops[index === -1 ? stops.length - 1 : index], stops[Math.max(0, index === -1 ? stops.length - 1 : index - 1)]];
  if (after === undefined || before === undefined) return { rgb: [0, 0, 0], opacity: 0 };
  const t = after.offset === before.offset ? 0 : Math.min(1, Math.max(0, (share - before.offset) / (after.offset - before.offset)));
  const [from, to] = [rgbOf(before.color), rgbOf(after.color)];
  const channel = (at: 0 | 1 | 2) => from[at] + (to[at] - from[at]) * t;
  return { rgb: [channel(0), channel(1), channel(2)], opacity: before.opacity + (after.opacity - before.opacity) * t };
}

const colourAt = (fill: Fill, share: number): Colour =>
  'gradient' in fill ? mix(fill.gradient, share) : { rgb: rgbOf(fill.color), opacity: fill.opacity };

function circleAt([x, y]: Point, radius: number): Point[] {
  const corners = 16;
  return Array.from({ length: corners }, (_, index) => {
    const angle = (index / corners) * 2 * Math.PI;
    return [x + Math.cos(angle) * radius, y + Math.sin(angle) * radius];
  });
}

/** The pixels of a picture, three bytes each, row by row. */
export function paintPixels(scene: Scene): Buffer {
  const { width, height } = scene;
  const pixels = Buffer.alloc(width * height * 3, 255);
  const coverage = createCoverage(width, height);
  if (scene.backdrop !== null) fillBackdrop(pixels, width, height, scene.backdrop);

  const lay = (fill: Fill) => {
    composite(pixels, coverage, fill);
    clear(coverage);
  };

  /** Gathers what has the fill of the whole; what has a fill of its own is laid at once, over what was gathered before. */
  function draw(part: Part, transform: Transform, fill: Fill | undefined): void {
    switch (part.kind) {
      case 'dots':
        for (const point of part.points) addPolygon(coverage, circleAt(point, part.radius));
        lay(part);
        return;
      case 'group':
        for (const placement of part.parts) draw(placement, transform, part.fill);
        lay(part.fill);
        return;
      case 'placement': {
        const inner = combine(transform, part);
        for (const shape of scene.shapes[part.shape] ?? []) draw(shape, inner, part.fill ?? fill);
        return;
      }
      case 'outline':
        if (part.fill !== undefined && fill !== undefined) lay(fill);
        for (const polygon of flatten(part.d, transform)) addPolygon(coverage, polygon);
        if (part.fill !== undefined) lay(part.fill);
    }
  }

  for (const part of scene.parts) draw(part, identity, undefined);
  return pixels;
}

function fillBackdrop(pixels: Buffer, width: number, height: number, stops: readonly Stop[]): void {
  for (let y = 0; y < height; y++) {
    const { rgb } = mix(stops, y / (height - 1));
    for (let at = y * width * 3; at < (y + 1) * width * 3; at += 3)
      for (let channel = 0; channel < 3; channel++) pixels[at + channel] = rgb[channel] ?? 0;
  }
}

function composite(pixels: Buffer, { bounds, values, width, height }: Coverage, fill: Fill): void {
  for (let y = bounds.top; y <= bounds.bottom; y++) {
    const { rgb, opacity } = colourAt(fill, y / (height - 1));
    for (let x = bounds.left; x <= bounds.right; x++) {
      const alpha = (values[y * width + x] ?? 0) * opacity;
      if (alpha === 0) continue;
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const below = pixels[at + channel] ?? 0;
        pixels[at + channel] = below + ((rgb[channel] ?? 0) - below) * alpha;
      }
    }
  }
}
