/** First in, first out, and what was taken can be put back in front. */
export type JobQueue<T> = { push(item: T): void; putBack(item: T): void; take(): T | undefined; peek(): T | undefined; size(): number };

const compactAfter = 1024;

export function createJobQueue<T>(): JobQueue<T> {
  let items: (T | undefined)[] = [];
  let first = 0;
  return {
    push: (item) => void items.push(item),
    putBack(item) {
      if (first === 0) items.unshift(item);
      else items[--first] = item;
    },
    take() {
      if (first === items.length) return undefined;
      const item = items[first];
      items[first++] = undefined;
      if (first === items.length || (first > compactAfter && first * 2 > items.length)) {
        items = items.slice(first);
        first = 0;
      }
      return item;
    },
    peek: () => items[first],
    size: () => items.length - first,
  };
}
