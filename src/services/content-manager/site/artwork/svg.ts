import type { Fill, Part, Placement, Scene, Stop } from './scene.ts';

const short = (value: number): string => String(Number(value.toFixed(2))).replace(/^(-?)0\./, '$1.');
/** Two digits place a plant well enough. */
const scaleOf = (value: number): string => short(Number(value.toPrecision(2)));
const shortColor = (color: string): string => color.replace(/^#(.)\1(.)\2(.)\3$/, '#$1$2$3');

function gradientOf(id: string, stops: readonly Stop[]): string {
  const marks = stops.map(
    ({ offset, color, opacity }) =>
      `<stop offset="${short(offset)}" stop-color="${shortColor(color)}"${opacity === 1 ? '' : ` stop-opacity="${short(opacity)}"`}/>`,
  );
  return `<linearGradient id="${id}" x2="0" y2="1">${marks.join('')}</linearGradient>`;
}

function placementOf({ shape, x, y, scaleX, scaleY }: Placement, paint: string): string {
  const isInPlace = x === 0 && y === 0 && scaleX === 1 && scaleY === 1;
  const move = isInPlace ? '' : ` transform="matrix(${scaleOf(scaleX)} 0 0 ${scaleOf(scaleY)} ${Math.round(x)} ${Math.round(y)})"`;
  return `<use href="#${shape}"${paint}${move}/>`;
}

/** The scene as a file of its own: its ids would clash if two of them stood in one page. */
export function renderSvg({ width, height, backdrop, shapes, parts }: Scene): string {
  const gradients: string[] = backdrop === null ? [] : [gradientOf('W', backdrop)];

  function paintOf(fill: Fill | undefined): string {
    if (fill === undefined) return '';
    if (!('gradient' in fill)) return ` fill="${shortColor(fill.color)}"${fill.opacity === 1 ? '' : ` opacity="${short(fill.opacity)}"`}`;
    gradients.push(gradientOf(`G${gradients.length}`, fill.gradient));
    return ` fill="url(#G${gradients.length - 1})"`;
  }

  function draw(part: Part): string {
    switch (part.kind) {
      case 'outline':
        return `<path${paintOf(part.fill)} d="${part.d}"/>`;
      case 'placement':
        return placementOf(part, paintOf(part.fill));
      case 'group': {
        const [only, ...others] = part.parts;
        if (only !== undefined && others.length === 0) return draw({ ...only, fill: part.fill });
        return `<g${paintOf(part.fill)}>${part.parts.map(draw).join('')}</g>`;
      }
      case 'dots': {
        // A round-capped stroke of no length is a dot, in fewer bytes than a circle.
        const d = part.points.map(([x, y]) => `M${Math.round(x)} ${Math.round(y)}h0`).join('');
        const stroke = `stroke="${shortColor(part.color)}" stroke-width="${Math.round(part.radius * 2)}" stroke-linecap="round"`;
        return `<path d="${d}" ${stroke} opacity="${short(part.opacity)}"/>`;
      }
    }
  }

  const body = parts.map(draw).join('');
  const definitions = Object.entries(shapes).map(([name, [only, ...others]]) => {
    if (only?.kind === 'outline' && others.length === 0) return `<path id="${name}" d="${only.d}"/>`;
    return `<g id="${name}">${[only, ...others].map((part) => (part === undefined ? '' : draw(part))).join('')}</g>`;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">` +
    `<defs>${gradients.join('')}${definitions.join('')}</defs>` +
    (backdrop === null ? '' : `<path fill="url(#W)" d="M0 0h${width}v${height}H0z"/>`) +
    `${body}</svg>`
  );
}
