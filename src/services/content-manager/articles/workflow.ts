import { conflict } from '#shared/errors';
import type { ArticleStatus } from '../article-types.ts';

/*
 *   draft ──submit──▶ in_review ──approve──▶ approved ──schedule──▶ scheduled
 *     ▲                   │                  │  │  ▲──unschedule────────┘ │
 *     │                 reject             reject publish──▶ published ◀──publish
 *     │                   ▼                  │                  │
 *     ├──reopen──────  rejected ◀────────────┘               archive
 *     └──reopen──────────────────────── archived ◀──────────────┘
 *
 * A draft can be rejected too. What is not wanted is archived, never deleted: a draft, a rejected or a published article.
 */

export const workflowActions = ['submit', 'approve', 'reject', 'schedule', 'unschedule', 'publish', 'archive', 'reopen'] as const;
export type WorkflowAction = (typeof workflowActions)[number];

type Rule = { readonly from: readonly ArticleStatus[]; readonly to: ArticleStatus };

export const workflow: Readonly<Record<WorkflowAction, Rule>> = {
  submit: { from: ['draft'], to: 'in_review' },
  approve: { from: ['in_review'], to: 'approved' },
  reject: { from: ['draft', 'in_review', 'approved'], to: 'rejected' },
  schedule: { from: ['approved'], to: 'scheduled' },
  unschedule: { from: ['scheduled'], to: 'approved' },
  publish: { from: ['approved', 'scheduled'], to: 'published' },
  archive: { from: ['draft', 'rejected', 'published'], to: 'archived' },
  reopen: { from: ['rejected', 'archived'], to: 'draft' },
};

export function actionsFrom(status: ArticleStatus): WorkflowAction[] {
  return workflowActions.filter((action) => workflow[action].from.includes(status));
}

/** @throws AppError `illegal_transition` (409) that says from where to where, and what is allowed */
export function nextStatus(status: ArticleStatus, action: WorkflowAction): ArticleStatus {
  const { from, to } = workflow[action];
  if (from.includes(status)) return to;
  throw conflict(
    'illegal_transition',
    `The article is ${status}; "${action}" leads from ${from.join(' or ')} to ${to}. Allowed from ${status}: ${actionsFrom(status).join(', ')}.`,
  );
}

/**
 * The actions that lead from here to `published`, one after another; none when it is published.
 * @throws AppError `illegal_transition` (409) for what was rejected or archived: it has to be reopened first
 */
export function actionsToPublication(status: ArticleStatus): WorkflowAction[] {
  const actions: WorkflowAction[] = [];
  let at = status;
  while (at !== 'published') {
    const action = (['publish', 'approve', 'submit'] as const).find((candidate) => workflow[candidate].from.includes(at)) ?? 'publish';
    at = nextStatus(at, action);
    actions.push(action);
  }
  return actions;
}
