export type FinishedStep = { readonly title: string; readonly result: string; readonly seconds: number };

export type Progress = {
  /** Steps that ended well, in their order. */
  finished(): readonly FinishedStep[];
  /** Says what begins, and at its end how long it took. */
  step<T>(title: string, work: (update: (detail: string) => void) => Promise<T>, summarise?: (value: T) => string): Promise<T>;
};

const repaintAfterMs = 1000;

/**
 * A line for each step with its time. While a step takes over a second, its detail is repainted in place at a terminal;
 * elsewhere a line is printed every few seconds, so that a log shows that something moves.
 */
export function createProgress(write: (text: string) => void, isTerminal: boolean): Progress {
  const finished: FinishedStep[] = [];
  return {
    finished: () => finished,
    async step(title, work, summarise) {
      const started = performance.now();
      const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
      let detail = '';
      let lastPrinted = '';
      const timer = setInterval(
        () => {
          const line = `  … ${title}${detail === '' ? '' : `: ${detail}`}`;
          if (isTerminal) write(`\r\x1b[2K${line} (${seconds()} s)`);
          else if (line !== lastPrinted) write(`${line} (${seconds()} s)\n`);
          lastPrinted = line;
        },
        isTerminal ? repaintAfterMs / 4 : repaintAfterMs,
      );
      try {
        const value = await work((text) => void (detail = text));
        const result = summarise?.(value) ?? '';
        finished.push({ title, result, seconds: (performance.now() - started) / 1000 });
        write(`${isTerminal ? '\r\x1b[2K' : ''}  ✓ ${title}${result === '' ? '' : `: ${result}`} (${seconds()} s)\n`);
        return value;
      } catch (error) {
        write(`${isTerminal ? '\r\x1b[2K' : ''}  ✗ ${title} (${seconds()} s)\n`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}
