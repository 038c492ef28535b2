/** A whole reply of the server (RFC 5321, 4.2). */
export type SmtpReply = {
  readonly code: number;
  /** As it came, codes included, its lines joined by LF; shortened, and without control characters. */
  readonly text: string;
};

// RFC 5321 has 512 for a line; some say more. What is longer is no reply.
const maxLineLength = 2000;
const maxReplyLength = 32_000;
const maxKeptLength = 4000;

const linePattern = /^([2-5][0-9]{2})(?:([ -])|$)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a reply is stored and logged; they are what this replaces
const controls = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** `onFault`: what came is no reply. After it nothing is read any more. */
export function createReplyReader(
  onReply: (reply: SmtpReply) => void,
  onFault: (what: string) => void,
): { feed(chunk: Buffer): void; hasPart(): boolean } {
  let rest = '';
  let lines: string[] = [];
  let length = 0;
  let isBroken = false;

  function fail(what: string): void {
    isBroken = true;
    onFault(what);
  }

  function takeLine(line: string): void {
    length += line.length;
    const match = linePattern.exec(line);
    if (match === null) fail(`the server spoke something that is no SMTP: ${clean(line.slice(0, 80))}`);
    else if (length > maxReplyLength) fail('the reply of the server has no end');
    else if (lines.length > 0 && !lines[0]?.startsWith(line.slice(0, 3))) fail('the reply of the server has two codes');
    else {
      lines.push(line);
      if (match[2] !== '-') completeReply(Number(match[1]));
    }
  }

  function completeReply(code: number): void {
    const text = clean(lines.join('\n').slice(0, maxKeptLength));
    lines = [];
    length = 0;
    onReply({ code, text });
  }

  return {
    feed(chunk) {
      if (isBroken) return;
      // latin1 keeps bytes apart that arrive apart.
      rest += chunk.toString('latin1');
      for (let end = rest.indexOf('\n'); end !== -1 && !isBroken; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end > 0 && rest[end - 1] === '\r' ? end - 1 : end);
        rest = rest.slice(end + 1);
        if (line.length > maxLineLength) fail('the server sent a line without end');
        else takeLine(line);
      }
      if (rest.length > maxLineLength) fail('the server sent a line without end');
    },
    hasPart: () => rest !== '' || lines.length > 0,
  };
}

function clean(text: string): string {
  const characters = /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, 'latin1').toString() : text;
  return characters.replace(controls, ' ');
}
