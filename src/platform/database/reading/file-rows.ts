/** A row of a file: what it holds, or what is wrong with it. */
export type FileRow<T> = {
  /** Line of the file on which the row begins, from 1. */
  readonly line: number;
} & ({ readonly value: T } | RowFault);

export type RowFault = {
  readonly fault: string;
  /** Last line that belongs to the faulty row; reading goes on behind it. */
  readonly lastLine: number;
};

/** Gathers rows into chunks of a size. */
export function createChunker<T>(rowsPerChunk: number) {
  let rows: T[] = [];
  return {
    /** A chunk when this row fills it. */
    add(row: T): T[] | undefined {
      rows.push(row);
      return rows.length < rowsPerChunk ? undefined : this.take();
    },
    take(): T[] {
      const chunk = rows;
      rows = [];
      return chunk;
    },
  };
}
