import type { IssueContent } from '../distributor-types.ts';
import { compileIssue, type IssueToCompile } from './compile-issue.ts';

/** Runs in a thread. @throws AppError `template_faulty` */
export function run(issue: IssueToCompile): Promise<IssueContent> {
  return compileIssue(issue);
}
