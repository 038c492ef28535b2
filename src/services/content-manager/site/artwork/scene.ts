/** A picture as plain data: drawn as SVG for pages and as pixels for link previews. */
export type Stop = { readonly offset: number; readonly color: string; readonly opacity: number };

/** A colour as #rrggbb, or stops that run from the top to the bottom of the picture. */
export type Fill = { readonly color: string; readonly opacity: number } | { readonly gradient: readonly Stop[] };

/** SVG path data of M, L, l, Q, q, C and z only, filled by the non-zero rule. Without a fill it takes that of what it is part of. */
type Outline = { readonly kind: 'outline'; readonly d: string; readonly fill?: Fill };

/** A shape set down at (x, y), stretched by (scaleX, scaleY); a negative scaleX mirrors it. */
export type Placement = {
  readonly kind: 'placement';
  readonly shape: string;
  readonly x: number;
  readonly y: number;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly fill?: Fill;
};

export type Point = readonly [x: number, y: number];

/** Dots of one size. They stand at the top level only: a stretched dot would be none. */
type Dots = {
  readonly kind: 'dots';
  readonly color: string;
  readonly opacity: number;
  readonly radius: number;
  readonly points: readonly Point[];
};

/** Some parts in one fill. */
type Group = { readonly kind: 'group'; readonly fill: Fill; readonly parts: readonly Placement[] };

export type Part = Outline | Placement | Group | Dots;

export type Scene = {
  readonly width: number;
  readonly height: number;
  /** Null leaves the ground transparent. */
  readonly backdrop: readonly Stop[] | null;
  /** What is placed, by name. */
  readonly shapes: Readonly<Record<string, readonly (Outline | Placement)[]>>;
  /** Painted in order. */
  readonly parts: readonly Part[];
};
