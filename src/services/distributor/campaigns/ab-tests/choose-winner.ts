import type { AbResult, AbTest, AbVariantResult } from '../../distributor-types.ts';
import { testSignificance, type VariantFigures } from './significance.ts';

/** The best share of readers; of equals the first. Significant or not, one has to be taken. */
export function chooseWinner(metric: AbTest['metric'], figures: readonly VariantFigures[], decidedAt: Date): AbResult {
  const variants: AbVariantResult[] = figures.map(({ sent, engaged }, variant) => ({
    variant,
    sent,
    engaged,
    rate: sent === 0 ? 0 : engaged / sent,
  }));
  const best = variants.reduce<AbVariantResult | undefined>(
    (leader, variant) => (leader === undefined || variant.rate > leader.rate ? variant : leader),
    undefined,
  );
  const significance = testSignificance(figures);
  return { winner: best?.variant ?? 0, decidedBy: 'engagement', decidedAt: decidedAt.toISOString(), metric, variants, ...significance };
}
