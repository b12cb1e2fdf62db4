/** From a request to its answer. Methods, paths and parameters are judged here; nothing here knows sockets. */
import type { IncomingHttpHeaders } from 'node:http'
import type { ClusterViewT } from '../schema/magneto.js'
import { json, page, plain, redirect, type Answer } from './answer.js'
import { applicationPage, findApplication } from './app-page.js'
import type { CommandReply } from './command-session.js'
import { CommandFailed, ViewUnavailable } from './errors.js'
import { clusterFieldJson, clusterJson, clusterUtilizationJson } from './json.js'
import { clusterPage } from './page.js'
import { crossSiteReason } from './same-origin.js'

/** Ids are short; what is longer is no id and is not sent to the master. */
export const idLengthMax = 256

export interface RouteContext {
  readonly killEnabled: boolean
  view(): Promise<ClusterViewT>
  killApplication(appId: string): Promise<CommandReply>
}

export interface Request {
  readonly method: string
  /** As it stands in the request line: path and query. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  /** Form parameters of a POST; read by the server, which bounds them. */
  readonly form: URLSearchParams
}

interface Route {
  readonly methods: readonly string[]
  readonly matches: (path: string) => boolean
  readonly answer: (
    context: RouteContext,
    path: string,
    parameters: URLSearchParams,
    headers: IncomingHttpHeaders,
  ) => Promise<Answer> | Answer
}

const reads = ['GET', 'HEAD']

async function cluster(context: RouteContext): Promise<Answer> {
  return page(clusterPage(await context.view(), context))
}

async function application(
  context: RouteContext,
  _path: string,
  parameters: URLSearchParams,
): Promise<Answer> {
  const id = parameters.get('appId') ?? ''
  if (id === '') return plain(400, 'appId is missing: /app/?appId=<application id>')
  const view = await context.view()
  return page(applicationPage(findApplication(view, id), Number(view.nowMs)))
}

async function document(context: RouteContext, path: string): Promise<Answer> {
  const view = await context.view()
  // Spark looks for letters after /json/ and ignores what follows them (U11).
  const field = /^\/json\/([a-zA-Z]+)/.exec(path)?.[1]
  if (field === undefined) return json(clusterJson(view))
  if (field === 'clusterutilization') return json(clusterUtilizationJson(view))
  return json(clusterFieldJson(view, field))
}

async function kill(
  context: RouteContext,
  _path: string,
  parameters: URLSearchParams,
  headers: IncomingHttpHeaders,
): Promise<Answer> {
  const foreign = crossSiteReason(headers)
  if (foreign !== null) return plain(403, foreign)
  if (!context.killEnabled) return plain(403, 'spark.ui.killEnabled is false on this master')
  const id = parameters.get('id') ?? ''
  if (id === '' || id.length > idLengthMax || parameters.get('terminate') !== 'true') {
    return plain(400, 'expected POST /app/kill/?id=<application id>&terminate=true')
  }
  const reply = await context.killApplication(id)
  return reply.ok ? redirect(302, '/') : plain(404, reply.message)
}

/** Asked in this order. Folders are served with and without their slash, as Spark does but for /json. */
const routes: readonly Route[] = [
  { methods: reads, matches: (path) => path === '/', answer: cluster },
  { methods: reads, matches: (path) => path === '/app/' || path === '/app', answer: application },
  {
    methods: ['POST'],
    matches: (path) => path === '/app/kill/' || path === '/app/kill',
    answer: kill,
  },
  { methods: reads, matches: (path) => path === '/json', answer: () => redirect(301, '/json/') },
  { methods: reads, matches: (path) => path.startsWith('/json/'), answer: document },
]

/** Never throws for anything that a peer sent or the master refused; what it throws is a fault of ours. */
export async function answerTo(request: Request, context: RouteContext): Promise<Answer> {
  const base = 'http://unused'
  // Only the origin form: absolute and authority forms are for proxies, which this is not.
  if (!request.target.startsWith('/') || !URL.canParse(base + request.target)) {
    return plain(400, 'the request target is not a path')
  }
  const url = new URL(base + request.target)
  if (request.method === 'TRACE') return plain(405, 'TRACE is not served', { Allow: 'GET, HEAD' })
  const route = routes.find(({ matches }) => matches(url.pathname))
  if (route === undefined) return plain(404, 'there is no such page; the first page is /')
  if (!route.methods.includes(request.method)) {
    const allow = route.methods.join(', ')
    return plain(405, `this page answers ${allow}`, { Allow: allow })
  }
  const parameters = new URLSearchParams([...url.searchParams, ...request.form])
  try {
    return await route.answer(context, url.pathname, parameters, request.headers)
  } catch (error) {
    if (error instanceof ViewUnavailable || error instanceof CommandFailed) {
      return plain(503, error.message, { 'Retry-After': '1' })
    }
    throw error
  }
}
