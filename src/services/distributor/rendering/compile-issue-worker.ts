import type { IssueContent } from '../distributor-types.ts';
import { compileIssue } from './compile-issue.ts';
import type { IssueToCompile } from './issue-to-compile.ts';

/** Runs in a thread. @throws AppError `template_faulty` */
export function run(issue: IssueToCompile): Promise<IssueContent> {
  return compileIssue(issue);
}
