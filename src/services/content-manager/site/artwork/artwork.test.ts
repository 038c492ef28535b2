import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { composeArtwork, composeShore, type Format, renderPng, renderSvg } from './index.ts';

const categories = [
  'plants',
  'animals',
  'layout-and-hardscape',
  'substrate',
  'lighting',
  'co2-and-fertilisation',
  'water-and-cycling',
  'algae-and-problems',
  'techniques',
  'equipment',
  'a category of another pack',
  'general',
];

test('a picture depends on its category and seed alone', () => {
  const draw = (category: string, seed: string) => renderSvg(composeArtwork('card', category, seed));
  assert.equal(draw('plants', 'java-moss'), draw('plants', 'java-moss'));
  assert.notEqual(draw('plants', 'java-moss'), draw('plants', 'java-fern'));
  assert.notEqual(draw('plants', 'java-moss'), draw('equipment', 'java-moss'));
});

test('every picture is below 4 KB, complete and without a number that is none', () => {
  for (const format of ['card', 'wide', 'preview'] satisfies Format[]) {
    for (const category of categories) {
      for (let seed = 0; seed < 30; seed++) {
        const svg = renderSvg(composeArtwork(format, category, `seed ${seed}`));
        assert.ok(Buffer.byteLength(svg) < 4096, `${format} ${category} ${seed}: ${Buffer.byteLength(svg)} bytes`);
        assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
        for (const [, name = ''] of svg.matchAll(/href="#(\w+)"/g)) assert.ok(svg.includes(`id="${name}"`), `${name} is placed, not drawn`);
        for (const [, name = ''] of svg.matchAll(/url\(#(\w+)\)/g)) assert.ok(svg.includes(`id="${name}"`), `${name} is no gradient`);
      }
    }
  }
});

test('nothing of the seed or the category gets into the picture', () => {
  assert.doesNotMatch(renderSvg(composeArtwork('card', '"><script>alert(1)</script>', "'<b>")), /script|<b>/);
});

test('the shore stands on nothing', () => {
  const svg = renderSvg(composeShore('#08261f'));
  assert.match(svg, /^<svg[^>]*viewBox="0 0 1600 180"/);
  assert.doesNotMatch(svg, /id="W"/);
});

/** The colour of a pixel of a PNG as `renderPng` writes it. */
function pixelOf(png: Buffer, x: number, y: number): number[] {
  const width = png.readUInt32BE(16);
  const dataLength = png.readUInt32BE(33);
  const rows = inflateSync(png.subarray(41, 41 + dataLength));
  const colour = [0, 0, 0];
  for (let row = 0; row <= y; row++) {
    for (let channel = 0; channel < 3; channel++) {
      colour[channel] = ((colour[channel] ?? 0) + (rows[row * (width * 3 + 1) + 1 + x * 3 + channel] ?? 0)) & 255;
    }
  }
  return colour;
}

const square = (d: string, opacity = 1) => ({ kind: 'outline', d, fill: { color: '#ff0000', opacity } }) as const;

test('the PNG has the pixels of the picture: whole, half covered, half opaque, and untouched', () => {
  const png = renderPng({
    width: 40,
    height: 20,
    backdrop: [
      { offset: 0, color: '#000000', opacity: 1 },
      { offset: 1, color: '#000000', opacity: 1 },
    ],
    shapes: { a: [{ kind: 'outline', d: 'M0 0L4 0 4 4 0 4z' }] },
    parts: [
      square('M2 2L8 2 8 8 2 8z'),
      square('M10.5 2L16 2 16 8 10.5 8z'),
      square('M20 2l6 0 0 6-6 0z', 0.5),
      {
        kind: 'group',
        fill: { color: '#00ff00', opacity: 1 },
        parts: [{ kind: 'placement', shape: 'a', x: 38, y: 10, scaleX: -1, scaleY: 2 }],
      },
    ],
  });
  assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
  assert.deepEqual(pixelOf(png, 5, 5), [255, 0, 0]);
  assert.deepEqual(pixelOf(png, 10, 5), [127, 0, 0]);
  assert.deepEqual(pixelOf(png, 22, 5), [127, 0, 0]);
  assert.deepEqual(pixelOf(png, 36, 16), [0, 255, 0]);
  assert.deepEqual(pixelOf(png, 36, 19), [0, 0, 0]);
  assert.deepEqual(pixelOf(png, 0, 0), [0, 0, 0]);
  assert.deepEqual(pixelOf(png, 9, 5), [0, 0, 0]);
});
