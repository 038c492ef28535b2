import type { WorkflowAction } from './workflow.ts';

export const articleDrafted = 'article.drafted';
export const articleSubmitted = 'article.submitted';
export const articleEdited = 'article.edited';

/** Payload of every event: `{ contentId, slug, title }`. */
export const eventOfAction: Readonly<Record<WorkflowAction, string>> = {
  submit: articleSubmitted,
  approve: 'article.approved',
  reject: 'article.rejected',
  schedule: 'article.scheduled',
  unschedule: 'article.unscheduled',
  publish: 'article.published',
  archive: 'article.archived',
  reopen: 'article.reopened',
};
