import type { MailSource } from './mail-types.ts';
import { type MailToRender, renderMail } from './render-mail.ts';

/** Runs in a thread. @throws AppError `template_faulty` */
export function run(mail: MailToRender): Promise<MailSource> {
  return renderMail(mail);
}
