import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { messageOf } from '#shared/errors';
import type { EnvelopeSender } from '../deliveries/verp.ts';
import type { ApplyMailEvents } from './apply-mail-events.ts';
import { type ReportMail, readReportMail } from './report-mail.ts';

/** `addresses`: to which the report came. Returns once what it says is committed. */
export type TakeReport = (raw: Buffer, addresses: readonly string[]) => Promise<ReportMail['kind']>;

export function createTakeReport(options: {
  readonly envelopeSender: EnvelopeSender;
  readonly apply: ApplyMailEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): TakeReport {
  const { envelopeSender, apply, clock, logger } = options;
  const reports = options.metrics.counter('aquascene_bounce_mails_total', 'Mails that came back, by what they were', ['kind']);

  async function read(raw: Buffer, addresses: readonly string[]): Promise<ReportMail> {
    const signed = addresses.map((address) => envelopeSender.read(address)).find((delivery) => delivery !== undefined);
    try {
      return await readReportMail(raw, signed, clock.now());
    } catch (error) {
      return { kind: 'unreadable', reason: messageOf(error) };
    }
  }

  return async (raw, addresses) => {
    const report = await read(raw, addresses);
    if (report.kind === 'events') await apply(report.events, 'mail');
    else if (report.kind === 'unreadable') logger.info({ reason: report.reason }, 'a mail came back that nothing could be read from');
    reports.inc({ kind: report.kind });
    return report.kind;
  };
}
