import { isUtf8 } from 'node:buffer';
import { createTurn } from '#shared/turn';

/** What is wrong with a line as such; `text` is what can be read of it, U+FFFD for the rest. */
export type LineFault = { readonly fault: string; readonly text?: string };

/** Lines that follow each other: `lines[0]` is the line `firstLine` of the file, counted from 1. */
export type LineBlock = { readonly firstLine: number; readonly lines: readonly (string | LineFault)[] };

export type LineSplitter = {
  /** The lines that the chunk completes, without their line feeds. */
  push(chunk: Buffer): LineBlock;
  /** The last line, when no line feed ends it. */
  end(): LineBlock;
};

const lineFeed = 0x0a;
/** What is split without a look at the time: however short the lines in it are, less than a few milliseconds' work. */
const pieceBytes = 16_384;

/** UTF-8 text by lines. A line over `maxLineBytes` is passed over, in constant memory, and given as a fault. */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  const tooLong: LineFault = { fault: `is longer than ${maxLineBytes} bytes` };
  let nextLine = 1;
  let isStart = true;
  /** The beginning of a line whose end has not come yet. */
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let isPassingOver = false;

  function carry(rest: Buffer): void {
    if (rest.length === 0 || isPassingOver) return;
    if (carriedBytes + rest.length > maxLineBytes) {
      isPassingOver = true;
      carried = [];
      carriedBytes = 0;
      return;
    }
    // A copy: a part of a chunk would keep the whole chunk in memory.
    carried.push(Buffer.from(rest));
    carriedBytes += rest.length;
  }

  function takeCarried(rest: Buffer): Buffer {
    const whole = carriedBytes === 0 ? rest : Buffer.concat([...carried, rest]);
    carried = [];
    carriedBytes = 0;
    return whole;
  }

  function readOne(line: Buffer): string | LineFault {
    if (line.length > maxLineBytes) return tooLong;
    const text = line.toString('utf8');
    return isUtf8(line) ? text : { fault: 'is not UTF-8', text };
  }

  /** Whole lines, each ended by a line feed. As one text when nothing can be wrong with them, which is many times faster. */
  function readAll(block: Buffer): (string | LineFault)[] {
    if (block.length <= maxLineBytes && isUtf8(block)) {
      const lines = block.toString('utf8').split('\n');
      lines.pop();
      return lines;
    }
    const lines: (string | LineFault)[] = [];
    for (let from = 0; from < block.length; ) {
      const to = block.indexOf(lineFeed, from);
      lines.push(readOne(block.subarray(from, to)));
      from = to + 1;
    }
    return lines;
  }

  function numbered(lines: (string | LineFault)[]): LineBlock {
    const firstLine = nextLine;
    nextLine += lines.length;
    const [first] = lines;
    // A byte order mark.
    if (isStart && first !== undefined) {
      isStart = false;
      if (typeof first === 'string' && first.startsWith('\uFEFF')) lines[0] = first.slice(1);
    }
    return { firstLine, lines };
  }

  return {
    push(chunk) {
      let rest = chunk;
      let lines: (string | LineFault)[] = [];
      if (isPassingOver) {
        const end = rest.indexOf(lineFeed);
        if (end === -1) return numbered(lines);
        isPassingOver = false;
        lines.push(tooLong);
        rest = rest.subarray(end + 1);
      }
      const lastEnd = rest.lastIndexOf(lineFeed);
      if (lastEnd !== -1) {
        lines = lines.concat(readAll(takeCarried(rest.subarray(0, lastEnd + 1))));
        rest = rest.subarray(lastEnd + 1);
      }
      carry(rest);
      return numbered(lines);
    },
    end() {
      if (isPassingOver) return numbered([tooLong]);
      const last = takeCarried(Buffer.alloc(0));
      return numbered(last.length === 0 ? [] : [readOne(last)]);
    },
  };
}

/** The lines of a content as it comes. However large its chunks are, other work gets in between. */
export async function* readLineBlocks(chunks: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<LineBlock, void, undefined> {
  const splitter = createLineSplitter(maxLineBytes);
  const turn = createTurn();
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      if (turn.isOver()) await turn.next();
      yield splitter.push(chunk.subarray(at, at + pieceBytes));
    }
  }
  yield splitter.end();
}
