/** Something that is wrong with a campaign, or may be, and how to mend it. */
export type Finding = {
  /** Stable: `link_broken`, `mail_too_long`, … */
  readonly code: string;
  readonly message: string;
  /** What of the campaign it is about: a part, a variant, a link, a domain. */
  readonly where: string;
  readonly howToMend: string;
};

/** A person may override warnings, never what blocks. Notes say what was not checked, and why. */
export type PreflightReport = {
  readonly blocking: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly notes: readonly string[];
};

export const joinReports = (reports: readonly Partial<PreflightReport>[]): PreflightReport => ({
  blocking: reports.flatMap(({ blocking = [] }) => blocking),
  warnings: reports.flatMap(({ warnings = [] }) => warnings),
  notes: reports.flatMap(({ notes = [] }) => notes),
});
