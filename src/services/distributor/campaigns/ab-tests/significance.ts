export type VariantFigures = { readonly sent: number; readonly engaged: number };
export type Significance = {
  /** The chance of differences as large as these if all variants did equally well; null where the figures are too small. */
  readonly pValue: number | null;
  readonly isSignificant: boolean;
};

const level = 0.05;
/** Below it the distribution that the test rests on does not hold (Cochran 1954). */
const minExpected = 5;

/**
 * Pearson's chi-square test of homogeneity over the 2 × k table of engaged and not engaged, with k − 1 degrees of freedom
 * (Pearson 1900; NIST/SEMATECH e-Handbook, section 7.4.5). For two variants it is the two-proportion z-test with the pooled
 * share, z² = χ². Two to five variants. A variant that reached nobody says nothing and makes the test impossible.
 */
export function testSignificance(variants: readonly VariantFigures[]): Significance {
  const sent = sumOf(variants, (variant) => variant.sent);
  const engaged = sumOf(variants, (variant) => variant.engaged);
  const share = sent === 0 ? 0 : engaged / sent;
  const smallestExpected = Math.min(...variants.map((variant) => variant.sent * Math.min(share, 1 - share)));
  if (variants.length < 2 || smallestExpected < minExpected) return { pValue: null, isSignificant: false };
  const statistic = sumOf(variants, (variant) => (variant.engaged - variant.sent * share) ** 2 / (variant.sent * share * (1 - share)));
  const pValue = chiSquareTail(statistic, variants.length - 1);
  return { pValue, isSignificant: pValue < level };
}

const sumOf = <T>(items: readonly T[], figureOf: (item: T) => number) => items.reduce((total, item) => total + figureOf(item), 0);

/**
 * P(χ² > x) in closed form (Abramowitz & Stegun 26.4.4 and 26.4.5), from which each further two degrees of freedom add one
 * term.
 */
export function chiSquareTail(x: number, degrees: number): number {
  if (x <= 0) return 1;
  const isOdd = degrees % 2 === 1;
  let tail = isOdd ? erfc(Math.sqrt(x / 2)) : Math.exp(-x / 2);
  let term = isOdd ? Math.sqrt((2 * x) / Math.PI) * Math.exp(-x / 2) : (Math.exp(-x / 2) * x) / 2;
  for (let reached = isOdd ? 1 : 2; reached < degrees; reached += 2) {
    tail += term;
    term *= x / (reached + 2);
  }
  return Math.min(1, tail);
}

/** Complementary error function for x ≥ 0, to 1.5e-7 (Abramowitz & Stegun 7.1.26). */
function erfc(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return polynomial * Math.exp(-x * x);
}
