import type { Transaction } from '#platform/database';
import type { SubscriberService } from './subscriber-service.ts';
import { lockSubscriber } from './subscriber-store.ts';

export type TagChange = { readonly add: readonly string[]; readonly remove: readonly string[] };

/** Adds and removes tags; a tag that is in both is there afterwards. Of somebody who is gone or erased, nothing is changed. */
export async function changeTags(
  tx: Transaction,
  writeChange: SubscriberService['writeChange'],
  subscriberId: string,
  { add, remove }: TagChange,
): Promise<void> {
  const subscriber = await lockSubscriber(tx, subscriberId);
  if (subscriber === undefined || subscriber.status === 'erased') return;
  const kept = subscriber.tags.filter((tag) => !remove.includes(tag));
  await writeChange(tx, subscriber, { tags: [...new Set([...kept, ...add])] });
}
