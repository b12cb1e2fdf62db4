/**
 * Makes what a page shows into what a newer one of it would show, and touches nothing that is the same in both: what has the
 * focus, is selected, scrolled, typed or unfolded stays so.
 */

/** Whose place may change among its siblings. */
function keyOf(node: Node): string | null {
  return node instanceof Element ? (node.getAttribute('data-key') ?? (node.id || null)) : null
}

/** What the visitor changes: folds and marks are his. */
function isVisitors(element: Element, name: string): boolean {
  return (
    (element instanceof HTMLDetailsElement && name === 'open') ||
    (element instanceof HTMLInputElement && name === 'checked')
  )
}

function patchAttributes(old: Element, fresh: Element): void {
  for (const { name, value } of fresh.attributes)
    if (!isVisitors(old, name) && old.getAttribute(name) !== value) old.setAttribute(name, value)
  for (const name of old.getAttributeNames())
    if (!isVisitors(old, name) && !fresh.hasAttribute(name)) old.removeAttribute(name)
}

function ofOneKind(old: Node, fresh: Node): boolean {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName
}

function patchNode(old: Node, fresh: Node): void {
  if (old instanceof Element && fresh instanceof Element) {
    patchAttributes(old, fresh)
    patchChildren(old, fresh)
  } else if (old.nodeValue !== fresh.nodeValue) {
    old.nodeValue = fresh.nodeValue
  }
}

/** Puts a node that the page has already where it belongs; in newer browsers it keeps its focus on the way. */
function move(parent: Element, node: Node, before: Node | null): void {
  if ('moveBefore' in parent && typeof parent.moveBefore === 'function')
    parent.moveBefore(node, before)
  else parent.insertBefore(node, before)
}

/** What has no name and stands before what has one went together with what stood between. @returns what is left */
function withoutUnnamed(from: ChildNode | null, to: ChildNode): ChildNode | null {
  let at = from
  while (at !== null && at !== to && keyOf(at) === null) {
    const gone = at
    at = at.nextSibling
    gone.remove()
  }
  return at
}

function patchChildren(old: Element, fresh: Element): void {
  const wanted = [...fresh.childNodes]
  const freshKeys = new Set(wanted.map(keyOf))
  const kept = new Map<string, ChildNode>()
  for (const child of Array.from(old.childNodes)) {
    const key = keyOf(child)
    if (key === null) continue
    if (freshKeys.has(key) && !kept.has(key)) kept.set(key, child)
    else child.remove()
  }
  let at = old.firstChild
  for (const next of wanted) {
    const key = keyOf(next)
    const match = key === null ? at : (kept.get(key) ?? null)
    if (key !== null && match !== null) at = withoutUnnamed(at, match)
    if (match === null || !ofOneKind(match, next) || (key === null && keyOf(match) !== null)) {
      old.insertBefore(next, at)
      continue
    }
    if (match === at) at = at.nextSibling
    else move(old, match, at)
    patchNode(match, next)
  }
  while (at !== null) {
    const gone = at
    at = at.nextSibling
    gone.remove()
  }
}

/** @param fresh is used up */
export function patch(old: Element, fresh: Element): void {
  const focused = document.activeElement
  patchNode(old, fresh)
  // Older browsers take it from what is moved.
  if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused)
    focused.focus({ preventScroll: true })
}
