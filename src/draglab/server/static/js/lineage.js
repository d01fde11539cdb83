/** The history as a tree: what follows what, and the line of nodes that the strip shows. Nothing here draws. */

/** @typedef {import("./wire_types.js").NodeView} NodeView */
/** @typedef {import("./types.js").Session} Session */

/** @type {Map<number, number>} which child was shown last, by parent */
const visited = new Map();
/** @type {WeakMap<NodeView[], {byId: Map<number, NodeView>, children: Map<number | null, NodeView[]>}>} */
const indexes = new WeakMap();

/** @param {Session} session */
function indexOf(session) {
  let index = indexes.get(session.nodes);
  if (!index) {
    index = { byId: new Map(), children: new Map() };
    for (const node of session.nodes) {
      index.byId.set(node.id, node);
      const siblings = index.children.get(node.parent);
      if (siblings) siblings.push(node);
      else index.children.set(node.parent, [node]);
    }
    indexes.set(session.nodes, index);
  }
  return index;
}

/** @param {Session} session @param {number | null} parent @returns {readonly NodeView[]} */
export function childrenOf(session, parent) {
  return indexOf(session).children.get(parent) ?? [];
}

/** Where the line goes on after a node: to the child shown last. @param {Session} session @param {number} node */
function nextOf(session, node) {
  const children = childrenOf(session, node);
  return children.find((child) => child.id === visited.get(node)) ?? children.at(-1);
}

/** Nodes from the start to the cursor, and on to where redo leads. @param {Session} session */
export function line(session) {
  const { byId } = indexOf(session);
  /** @type {NodeView[]} */
  const nodes = [];
  for (let node = byId.get(session.cursor); node; node = node.parent === null ? undefined : byId.get(node.parent)) {
    nodes.push(node);
  }
  nodes.reverse();
  for (let next = nextOf(session, session.cursor); next; next = nextOf(session, next.id)) nodes.push(next);
  return nodes;
}

/** Where a branch was left. @param {Session} session @param {NodeView} node */
export function tip(session, node) {
  let last = node;
  for (let next = nextOf(session, last.id); next; next = nextOf(session, last.id)) last = next;
  return last.id;
}

/** The round whose frames the slider goes through: the newest at or before the cursor. @param {Session} session */
export function roundShown(session) {
  const { byId } = indexOf(session);
  let node = byId.get(session.cursor);
  while (node && node.kind !== "round" && node.kind !== "start" && node.parent !== null) node = byId.get(node.parent);
  return node?.kind === "round" && node.frames > 0 ? node : null;
}

/** Whether this is a round that has not ended. @param {NodeView} node */
export function runs(node) {
  return node.kind === "round" && node.end === null;
}

/** @param {NodeView | undefined} node small steps, which have no picture of their own */
export function isSmall(node) {
  return node?.kind === "points" || node?.kind === "mask";
}

/**
 * Nodes as the strip shows them: small steps of one kind in a row are one entry, unless the history forks among them.
 *
 * @param {Session} session
 * @param {NodeView[]} nodes
 */
export function grouped(session, nodes) {
  /** @type {NodeView[][]} */
  const groups = [];
  for (const node of nodes) {
    const group = groups.at(-1);
    const joins = isSmall(node) && group?.[0]?.kind === node.kind && childrenOf(session, node.parent).length === 1;
    if (group && joins) group.push(node);
    else groups.push([node]);
  }
  return groups;
}

/** Remembers the way to the cursor, so that the line goes there again. @param {Session} session */
export function remember(session) {
  const { byId } = indexOf(session);
  for (let node = byId.get(session.cursor); node && node.parent !== null; node = byId.get(node.parent)) {
    visited.set(node.parent, node.id);
  }
}

/** Another session: its nodes have the same numbers. */
export function forgetWays() {
  visited.clear();
}
