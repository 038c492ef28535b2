import { AppError } from '#shared/errors';
import type { Config } from './config.ts';

/** One sentence for each key of DKIM_KEYS that cannot sign. Nothing of a key is in it. */
export async function findDkimFaults({ mail }: Pick<Config, 'mail'>): Promise<string[]> {
  if (mail.dkimKeys.length === 0) return [];
  // What keeps the other processes running needs the rest of the mail engine not.
  const { loadDkimKeys } = await import('#platform/mail');
  try {
    await loadDkimKeys(mail.dkimKeys);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.fields.map(({ path, message }) => `DKIM_KEYS: ${path} cannot sign: ${message}.`);
  }
}
