import type { Logger } from '#platform/telemetry';
import type { Config, Environment } from './config.ts';
import type { VariableName } from './variables.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage or configuration (nothing was started), 3 done in part. */
export const exitCodes = { done: 0, failed: 1, usage: 2, partial: 3 } as const;

export type CommandInput = {
  readonly config: Config;
  /** The environment with the flags laid over it, as child processes get it. */
  readonly environment: Environment;
  readonly logger: Logger;
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly isJson: boolean;
};

export type CommandOption = {
  readonly flags: string;
  readonly description: string;
  /** What is wrong with the value, or undefined. */
  readonly check?: (value: string) => string | undefined;
};

export type CommandDefinition = {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly arguments?: readonly {
    readonly name: string;
    readonly description: string;
    readonly isOptional?: boolean;
    readonly isList?: boolean;
  }[];
  readonly options?: readonly CommandOption[];
  readonly takesJson?: boolean;
  /** Flags that lay over configuration variables; the others stay with their variables. */
  readonly configFlags?: readonly VariableName[];
  readonly examples?: readonly string[];
  readonly run: (input: CommandInput) => Promise<number>;
};
