import { setTimeout as delay } from 'node:timers/promises';
import { isUuid } from '#shared/uuid';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { ConfigError } from '../config.ts';
import { withEngine } from '../engine.ts';
import { createProgress } from '../progress.ts';

const isDays = (value: string) =>
  /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 366 ? undefined : 'give a whole number from 1 to 366';

export const sendCommand: CommandDefinition = {
  name: 'send',
  summary: 'send a campaign, or a digest of the newest articles, to its subscribers',
  arguments: [{ name: 'campaign', description: 'the id of a campaign, or the word digest' }],
  options: [
    { flags: '--days <count>', description: 'digest: articles of the last days (default 7)', check: isDays },
    { flags: '--key <text>', description: 'digest: the same key never sends twice (default: the day of today)' },
    { flags: '--subject <text>', description: 'digest: subject line (default: made from the first article)' },
  ],
  takesJson: true,
  examples: ['send digest', 'send digest --days 14 --key fortnight-48', 'send 0199…'],
  async run({ config, logger, arguments: [campaign = ''], options, isJson }) {
    if (campaign !== 'digest' && !isUuid(campaign)) {
      throw new ConfigError([`"${campaign}": send takes the id of a campaign, or the word digest.`]);
    }
    return withEngine(config, logger, ['distributor', 'scheduler'], async ({ distributor, clock, mail }) => {
      await mail.verify();
      let issueId = campaign;
      if (campaign === 'digest') {
        const since = new Date(clock.now().getTime() - Number(options.days ?? 7) * 24 * 3600 * 1000);
        const key = typeof options.key === 'string' ? options.key : `digest-${clock.now().toISOString().slice(0, 10)}`;
        const digest = await distributor.createDigest({
          key,
          since,
          actor: 'command',
          ...(typeof options.subject === 'string' && { subject: options.subject }),
        });
        if (digest.kind === 'nothing_new') {
          console.log(isJson ? JSON.stringify({ status: 'nothing_new' }) : 'No article was published in that time; nothing was sent.');
          return exitCodes.done;
        }
        issueId = digest.issue.id;
      }
      await distributor.sendIssue(issueId, 'command');
      const progress = createProgress((text) => process.stderr.write(text), process.stderr.isTTY === true);
      const status = await progress.step('Sending', async (update) => {
        for (;;) {
          const state = await distributor.issueStatus(issueId);
          update(`${state.sent} of ${state.total} delivered`);
          if (!['preparing', 'sending'].includes(state.status)) return state;
          await delay(200);
        }
      });
      if (isJson) console.log(JSON.stringify({ issueId, ...status }));
      else {
        const { sent, failed, skipped, uncertain } = status;
        console.log(`${status.status}: ${sent} sent, ${failed} failed, ${skipped} skipped, ${uncertain} uncertain (campaign ${issueId}).`);
      }
      return status.status === 'sent' && status.failed + status.uncertain === 0 ? exitCodes.done : exitCodes.partial;
    });
  },
};
