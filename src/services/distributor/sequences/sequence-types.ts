/** Whether a reader goes yes or no at a branch. */
export type Condition =
  | { readonly type: 'opened' | 'clicked'; readonly step: string }
  | { readonly type: 'tag'; readonly tag: string }
  | { readonly type: 'segment'; readonly segmentId: string }
  | {
      readonly type: 'field';
      /** `language`, `country`, `timezone`, `format` or the name of a custom field. */
      readonly field: string;
      readonly operator: 'is' | 'is_not' | 'exists' | 'above' | 'below';
      readonly value?: string | number | boolean;
    };

/** `next`: id of the step that follows; left out, the one below; null, the end. */
type Following = { readonly id: string; readonly next?: string | null };
export type SendStep = Following & {
  readonly type: 'send';
  readonly subject: string;
  readonly preheader?: string;
  /** Markdown. */
  readonly body?: string;
  readonly template?: string;
  readonly articleIds?: readonly string[];
  readonly variables?: Readonly<Record<string, string | number | boolean>>;
  readonly tracking?: 'individual' | 'anonymous' | 'off';
};
export type WaitStep = Following & {
  readonly type: 'wait';
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  /** After that time, until it is this hour by the reader's clock. */
  readonly untilHour?: number;
};
export type BranchStep = {
  readonly id: string;
  readonly type: 'branch';
  readonly if: Condition;
  readonly yes?: string | null;
  readonly no?: string | null;
};
export type TagStep = Following & { readonly type: 'tag'; readonly add?: readonly string[]; readonly remove?: readonly string[] };
export type Step = SendStep | WaitStep | BranchStep | TagStep;

export type Trigger =
  | { readonly type: 'confirmed' }
  | { readonly type: 'form'; readonly form: string }
  | { readonly type: 'tag'; readonly tag: string }
  /** `includeExisting`: those too who are in it when the sequence is activated. */
  | { readonly type: 'segment'; readonly segmentId: string; readonly includeExisting?: boolean }
  | { readonly type: 'manual' };

export type SequenceDefinition = {
  readonly trigger: Trigger;
  /** Whether a reader who has been through it may begin again, and so many days after the end. Never, unless given. */
  readonly reentry?: { readonly afterDays: number };
  /** Whoever has one of the tags or belongs to one of the segments leaves before the next step; the unsubscribed always do. */
  readonly exit?: { readonly tags?: readonly string[]; readonly segmentIds?: readonly string[] };
  /** For readers whose time zone is not known; UTC unless given. */
  readonly timezone?: string;
  readonly steps: readonly Step[];
};

export type Sequence = {
  readonly id: string;
  readonly name: string;
  readonly status: 'draft' | 'active' | 'paused' | 'archived';
  /** As it was last written. */
  readonly definition: SequenceDefinition;
  /** That new readers begin with; 0: none was activated yet. */
  readonly activeVersion: number;
  readonly version: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type Enrolment = {
  readonly id: string;
  readonly sequenceId: string;
  readonly version: number;
  readonly subscriberId: string;
  /** The how manieth time, from 1. */
  readonly run: number;
  readonly status: 'active' | 'completed' | 'exited';
  readonly stepId: string | null;
  readonly dueAt: Date | null;
  readonly reason: string | null;
  readonly enrolledAt: Date;
  readonly endedAt: Date | null;
};
