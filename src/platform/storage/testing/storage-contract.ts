import { suite } from 'node:test';
import { testContent } from './content-contract.ts';
import type { ContractPlace } from './contract-samples.ts';
import { testFailedUploads } from './failure-contract.ts';
import { testKeys, testLists, testRemovingAndCopying } from './key-contract.ts';

/** What every driver of the storage does. `open` is called once; tests keep to keys below their own prefix. */
export function testStorageContract(place: () => ContractPlace): void {
  const storage = () => place().storage;
  suite('what is stored', () => testContent(storage));
  suite('what is not stored', () => testFailedUploads(place));
  suite('keys', () => testKeys(storage));
  suite('lists', () => testLists(storage));
  suite('removing and copying', () => testRemovingAndCopying(storage));
}
