export const customFieldTypes = ['text', 'number', 'boolean', 'date', 'choice'] as const;
export type CustomFieldType = (typeof customFieldTypes)[number];

export type CustomFieldDefinition = {
  readonly id: string;
  /** Names the value in `customFields`, in templates and in segments. Never changes, as the type does not. */
  readonly name: string;
  /** What readers and editors see. */
  readonly label: string;
  readonly type: CustomFieldType;
  /** Of a choice; else none. */
  readonly choices: readonly string[];
  /** Whether readers see and change it on the page of their preferences. */
  readonly readerEditable: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export const customFieldNamePattern = '^[a-z][a-z0-9_]{0,49}$';
export const maxDefinitions = 50;
export const maxChoices = 100;
export const maxChoiceLength = 100;
export const maxTextLength = 1000;
