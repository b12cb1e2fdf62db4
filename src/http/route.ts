/** From a request to the page that answers it. Methods and paths are judged here; nothing here knows sockets. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { plain, type Answer } from './answer.js'

/** Who asks, once it is known that they may see the pages. */
export interface Visitor {
  /** null: nobody has said. */
  readonly user: string | null
  /** Whether they may also change what runs. */
  mayModify(): Promise<boolean>
}

/** Lets visitors in, or tells them why not. */
export interface Gate {
  admit(
    request: Pick<IncomingMessage, 'headers' | 'url'>,
  ): Promise<{ readonly visitor: Visitor } | { readonly refusal: Answer }>
}

/** A request once it has left the socket. */
export interface Request {
  readonly method: string
  /** As it stands in the request line: path and query. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  /** Form parameters of a POST; read by the server, which bounds them. */
  readonly form: URLSearchParams
  /** The peer's IP address, whatever a proxy says of it; empty when the peer has left. */
  readonly remoteAddress: string
  /** Absent: nobody is asked who they are. */
  readonly visitor?: Visitor
}

/** A request whose target is understood. */
export interface Asked {
  readonly path: string
  /** Of the query and of the form. */
  readonly parameters: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly remoteAddress: string
  readonly visitor?: Visitor
}

export interface Route<Context> {
  readonly methods: readonly string[]
  readonly matches: (path: string, context: Context) => boolean
  readonly answer: (context: Context, asked: Asked) => Promise<Answer> | Answer
}

export const reads = ['GET', 'HEAD']

/** Folders are served with and without their slash, as Spark does but for /json. */
export function folder(name: string): (path: string) => boolean {
  return (path) => path === name || path === `${name}/`
}

/** The relative way from a page to the first one, which holds below other paths too: `../` for `/logPage/`. */
export function rootOf(path: string): string {
  const folders = path.split('/').length - 2
  return folders === 0 ? './' : '../'.repeat(folders)
}

/** @param routes asked in this order @throws what the page throws */
export async function routed<Context>(
  routes: readonly Route<Context>[],
  request: Request,
  context: Context,
): Promise<Answer> {
  const base = 'http://unused'
  // Only the origin form: absolute and authority forms are for proxies, which this is not.
  if (!request.target.startsWith('/') || !URL.canParse(base + request.target)) {
    return plain(400, 'the request target is not a path')
  }
  const url = new URL(base + request.target)
  if (request.method === 'TRACE') return plain(405, 'TRACE is not served', { Allow: 'GET, HEAD' })
  const route = routes.find(({ matches }) => matches(url.pathname, context))
  if (route === undefined) return plain(404, 'there is no such page; the first page is /')
  if (!route.methods.includes(request.method)) {
    const allow = route.methods.join(', ')
    return plain(405, `this page answers ${allow}`, { Allow: allow })
  }
  return route.answer(context, {
    path: url.pathname,
    parameters: new URLSearchParams([...url.searchParams, ...request.form]),
    headers: request.headers,
    remoteAddress: request.remoteAddress,
    ...(request.visitor === undefined ? {} : { visitor: request.visitor }),
  })
}
