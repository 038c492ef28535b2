import { registerJob } from '#platform/jobs';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { resumeTransactionalJob, sendTransactionalJob } from '../distributor-jobs.ts';
import { transactionalMailRoutes } from './mail-routes.ts';
import { forgetRecipient } from './mail-store.ts';
import { mailTemplateRoutes } from './mail-template-routes.ts';
import { createMailSending, type SendMailDependencies } from './send-mail.ts';
import { createTransactionalMails, type TransactionalDependencies } from './transactional-mails.ts';

/** Mails of this kind under way at once in one process. */
const concurrency = 4;

export function createTransactionalModule(
  dependencies: ServiceDependencies & TransactionalDependencies & SendMailDependencies,
): Omit<ServiceModule, 'name'> {
  const { database, clock } = dependencies;
  const mails = createTransactionalMails(dependencies);
  const sendMail = createMailSending(dependencies);
  return {
    async routes(app) {
      await transactionalMailRoutes({ database, mails })(app);
      await mailTemplateRoutes({ database, clock, mails })(app);
    },
    jobs: [
      registerJob(sendTransactionalJob, ({ mailId }) => sendMail(mailId), concurrency),
      registerJob(resumeTransactionalJob, () => mails.resume()),
    ],
    subscriptions: [
      {
        subscriber: 'distributor.transactional-mails',
        types: ['subscriber.erased'],
        handle: ({ payload }, tx) => forgetRecipient(tx, (payload as { subscriberId: string }).subscriberId, clock.now()),
      },
    ],
    schedules: [{ definition: resumeTransactionalJob, cron: '* * * * *' }],
  };
}
