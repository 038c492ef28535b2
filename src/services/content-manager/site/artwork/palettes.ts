import { createRandom } from './random.ts';

/** What stands in the middle of a picture. */
export type Subject = 'garden' | 'fish' | 'shrimp' | 'stones' | 'wood' | 'soil' | 'sun' | 'gas' | 'ripples' | 'algae' | 'hedge' | 'glass';

export type Palette = {
  /** Water: surface, middle, depth. */
  readonly water: readonly [surface: string, middle: string, depth: string];
  readonly far: string;
  readonly middle: string;
  readonly near: string;
  readonly ground: string;
  readonly accent: string;
};

const emerald: Palette = {
  water: ['#e4f1c9', '#6fb393', '#124f46'],
  far: '#4d9a80',
  middle: '#1f6f58',
  near: '#0a3a32',
  ground: '#0c2a25',
  accent: '#d8694a',
};
const lagoon: Palette = {
  water: ['#d5eee4', '#57a7a8', '#0d4558'],
  far: '#3f9090',
  middle: '#1b6a70',
  near: '#0a3844',
  ground: '#0a2931',
  accent: '#f0913c',
};
const mist: Palette = {
  water: ['#f3efd9', '#b3c8b0', '#4f7f72'],
  far: '#8fb39d',
  middle: '#4f8a6c',
  near: '#1d4a3c',
  ground: '#22392f',
  accent: '#3d4b4c',
};
const loam: Palette = {
  water: ['#eef2d0', '#9cc2a0', '#3f7a67'],
  far: '#6aa388',
  middle: '#2f7657',
  near: '#154636',
  ground: '#3d2e22',
  accent: '#8a6a45',
};
const sunlit: Palette = {
  water: ['#fff4c2', '#b4d695', '#1d6a58'],
  far: '#7cb98a',
  middle: '#2f8063',
  near: '#0e4539',
  ground: '#10332b',
  accent: '#ffe08a',
};
const mineral: Palette = {
  water: ['#dcf1ee', '#66b3b5', '#0f4c57'],
  far: '#489a9c',
  middle: '#1d7270',
  near: '#0b3d42',
  ground: '#0b2b30',
  accent: '#e07a4e',
};
const deep: Palette = {
  water: ['#d9edf2', '#5b9fba', '#0c3c58'],
  far: '#3f86a0',
  middle: '#1c6178',
  near: '#0a3347',
  ground: '#0a2536',
  accent: '#f4c56a',
};
const moss: Palette = {
  water: ['#f0efb9', '#9db866', '#2f5a33'],
  far: '#7fa457',
  middle: '#4a7a3b',
  near: '#1d4428',
  ground: '#1b3222',
  accent: '#2a2f33',
};
const meadow: Palette = {
  water: ['#e8f3d2', '#83be9e', '#1e5f55'],
  far: '#5ca688',
  middle: '#2a7c60',
  near: '#0e4238',
  ground: '#0e2f29',
  accent: '#b95b4b',
};
const slate: Palette = {
  water: ['#e9efe9', '#93b5b2', '#2a5157'],
  far: '#6d9c9b',
  middle: '#376f70',
  near: '#173f45',
  ground: '#182f34',
  accent: '#f3f8f5',
};

const looks: Readonly<Record<string, { readonly palette: Palette; readonly subjects: readonly Subject[] }>> = {
  plants: { palette: emerald, subjects: ['garden', 'wood', 'stones', 'garden'] },
  animals: { palette: lagoon, subjects: ['fish', 'shrimp'] },
  'layout-and-hardscape': { palette: mist, subjects: ['stones', 'wood'] },
  substrate: { palette: loam, subjects: ['soil'] },
  lighting: { palette: sunlit, subjects: ['sun'] },
  'co2-and-fertilisation': { palette: mineral, subjects: ['gas'] },
  'water-and-cycling': { palette: deep, subjects: ['ripples'] },
  'algae-and-problems': { palette: moss, subjects: ['algae'] },
  techniques: { palette: meadow, subjects: ['hedge'] },
  equipment: { palette: slate, subjects: ['glass'] },
};

const fallbackPalettes = [emerald, lagoon, sunlit, deep, meadow, mineral] as const;
const fallbackSubjects: readonly Subject[] = ['garden', 'stones', 'fish', 'wood', 'ripples', 'gas'];

function pick<T>(list: readonly T[], share: number): T {
  const chosen = list[Math.floor(share * list.length)];
  if (chosen === undefined) throw new RangeError('there is nothing to pick from');
  return chosen;
}

/** A category has its own water; one that is not known gets its water by its name. */
export function lookOf(category: string, seed: string): { readonly palette: Palette; readonly subject: Subject } {
  const look = looks[category];
  const share = createRandom(`subject of ${seed}`)();
  if (look !== undefined) return { palette: look.palette, subject: pick(look.subjects, share) };
  return { palette: pick(fallbackPalettes, createRandom(category)()), subject: pick(fallbackSubjects, share) };
}
