import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandInput } from '../command-definition.ts';
import { ConfigError } from '../config.ts';
import { sendCommand } from './send.ts';

test('send takes no word for a campaign that can be none, and starts nothing', async () => {
  for (const campaign of ['', 'digests', '-'.repeat(36), 'a'.repeat(36), '0199a5b0-0000-7000-8000-00000000abcdef']) {
    // Nothing else of the input is looked at before.
    const input = { arguments: [campaign], options: {}, isJson: false } as unknown as CommandInput;
    await assert.rejects(sendCommand.run(input), ConfigError, campaign);
  }
});
