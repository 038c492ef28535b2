/** Mails as mail servers send them back. */

const crlf = (text: string) => Buffer.from(text.replace(/\r?\n/g, '\r\n'));

export type DsnContent = {
  readonly status: string;
  readonly diagnostic?: string;
  readonly action?: string;
  /** Of the mail that came back; none: it carries no headers of it. */
  readonly messageId?: string;
  readonly to?: string;
};

/** RFC 3464. */
export function dsn({ status, diagnostic = '', action = 'failed', messageId, to = 'bounces@news.example' }: DsnContent): Buffer {
  return crlf(`From: MAILER-DAEMON@mx.example.org
To: ${to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Date: ${new Date().toUTCString()}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain

This is the mail system at host mx.example.org.

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: ${new Date().toUTCString()}

Final-Recipient: rfc822; reader@example.org
Action: ${action}
Status: ${status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; ${diagnostic}

--=_b
Content-Type: ${messageId === undefined ? 'text/plain' : 'message/rfc822'}

${messageId === undefined ? 'Nothing came back.' : `From: news@news.example\nMessage-ID: ${messageId}\nSubject: News\n\nText`}

--=_b--
`);
}

/** RFC 5965. */
export function feedbackReport({ messageId, type = 'abuse' }: { readonly messageId: string; readonly type?: string }): Buffer {
  return crlf(`From: fbl@provider.example
To: bounces@news.example
Subject: FW: News
Date: ${new Date().toUTCString()}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_f"

--=_f
Content-Type: text/plain

This is an email abuse report.

--=_f
Content-Type: message/feedback-report

Feedback-Type: ${type}
User-Agent: SomeGenerator/1.0
Version: 1

--=_f
Content-Type: message/rfc822

From: news@news.example
Message-ID: ${messageId}
Subject: News

Text

--=_f--
`);
}

export const autoReply = crlf(`From: reader@example.org
To: bounces@news.example
Subject: Out of office
Auto-Submitted: auto-replied

I am away.
`);
