/** Both carry { issueId }. */
export const issueStarted = 'issue.started';
export const issueFinished = 'issue.finished';
