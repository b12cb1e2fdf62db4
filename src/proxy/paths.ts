/** From a path below /proxy/ to the address that it means, and back (U18). Pure. */

export interface ProxiedPath {
  /** Of a worker or application. */
  readonly id: string
  /** The same as it stands in the path: percent-encoded. */
  readonly encodedId: string
  /** What of the path is the peer's, with its slash and query; null: the slash after the id is missing. */
  readonly rest: string | null
}

/** @param target as it stands in the request line @returns null when it is no business of the proxy */
export function proxiedPath(target: string): ProxiedPath | null {
  const base = 'http://unused'
  if (!target.startsWith('/') || !URL.canParse(base + target)) return null
  // Dots are resolved here, so none can lead out of the peer's part.
  const { pathname, search } = new URL(base + target)
  const [, encodedId, rest] = /^\/proxy\/([^/]+)(\/.*)?$/.exec(pathname) ?? []
  if (encodedId === undefined) return null
  const id = decoded(encodedId)
  if (id === null) return null
  return { id, encodedId, rest: rest === undefined ? null : rest + search }
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

/** @param address of the peer's pages @returns null when nothing can be asked for there */
export function targetUrl(address: string, rest: string): URL | null {
  if (!URL.canParse(address)) return null
  const base = new URL(address)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') return null
  return new URL(`${base.origin}${base.pathname.replace(/\/+$/, '')}${rest}`)
}

/**
 * What a peer's redirect is to the visitor.
 *
 * @param target what was asked for @param below the path under which the peer is shown, without a slash at its end
 */
export function proxiedLocation(location: string, target: URL, below: string): string {
  if (!URL.canParse(location, target.href)) return location
  const to = new URL(location, target.href)
  if (to.origin !== target.origin) return location
  const path = to.pathname + to.search + to.hash
  // A peer that knows of its proxy has said it already.
  return path === below || path.startsWith(`${below}/`) ? path : below + path
}
