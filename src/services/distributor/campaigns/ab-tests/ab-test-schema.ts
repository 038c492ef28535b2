import { type Static, Type } from 'typebox';
import { nullable } from '#shared/schema';
import type { AbResult, AbTest, Issue } from '../../distributor-types.ts';

const VariantState = Type.Object({
  variant: Type.Integer(),
  subject: Type.String(),
  sent: Type.Integer(),
  engaged: Type.Integer({ description: 'Readers who opened or clicked themselves, each once.' }),
  rate: Type.Number(),
});

export const AbStateView = Type.Object({
  metric: Type.String(),
  share: Type.Number(),
  hours: Type.Integer(),
  decideAt: nullable(Type.String({ format: 'date-time', description: 'Null while the test is being sent.' })),
  winner: nullable(Type.Integer({ description: 'Null before the decision.' })),
  decidedBy: nullable(Type.String()),
  leader: Type.Integer({ description: 'Which would win by the figures of this moment; of equals the first.' }),
  pValue: nullable(Type.Number({ description: 'Of a chi-square test over all variants; null where the figures are too small for it.' })),
  isSignificant: Type.Boolean({ description: 'At 5 %. Not significant: the difference may be chance.' }),
  variants: Type.Array(VariantState),
});

export function abStateView(issue: Issue, { metric, share, hours }: AbTest, now: AbResult): Static<typeof AbStateView> {
  return {
    metric,
    share,
    hours,
    decideAt: issue.abDecideAt?.toISOString() ?? null,
    winner: issue.winner,
    decidedBy: issue.abResult?.decidedBy ?? null,
    leader: now.winner,
    pValue: now.pValue,
    isSignificant: now.isSignificant,
    variants: now.variants.map((figures) => ({ ...figures, subject: issue.variants[figures.variant]?.subject ?? issue.subject })),
  };
}
