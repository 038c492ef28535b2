import type { DomElement, DomNode } from './dom.ts';

const elementNode = 1;
const textNode = 3;

export type Visitor = {
  /** False: the element is left out with everything in it. */
  enter(element: DomElement): boolean;
  text(text: string, parent: DomElement): void;
  /** Not called for what was left out. */
  leave(element: DomElement): void;
};

function isElement(node: DomNode): node is DomElement {
  return node.nodeType === elementNode;
}

/** Visits a subtree in document order with a loop instead of recursion: no nesting exhausts the stack. */
export function walk(root: DomElement, visitor: Visitor): void {
  if (!visitor.enter(root)) return;
  let parent = root;
  let node = root.firstChild;
  for (;;) {
    if (node === null) {
      visitor.leave(parent);
      const above: DomElement | null = parent.parentElement;
      if (parent === root || above === null) return;
      node = parent.nextSibling;
      parent = above;
    } else if (isElement(node) && visitor.enter(node)) {
      parent = node;
      node = node.firstChild;
    } else {
      if (node.nodeType === textNode) visitor.text(node.nodeValue ?? '', parent);
      node = node.nextSibling;
    }
  }
}
