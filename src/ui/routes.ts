/** From a request to its answer: which pages there are, and what their parameters must be. */
import { Unanswered } from '../control/ask-session.js'
import { json, jsonAnswer, page, plain, redirect, text, type Answer } from '../http/answer.js'
import { folder, reads, routed, type Asked, type Request, type Route } from '../http/route.js'
import { scriptRoute } from '../http/script.js'
import { metricsRoutes } from '../metrics/routes.js'
import { applicationPage } from './app-page.js'
import { decommission, killApplication, killDriver } from './commands.js'
import { ViewUnavailable } from './errors.js'
import { explainJson, explainText, findExplained } from './explain.js'
import { clusterFieldJson, clusterJson, clusterUtilizationJson } from './json.js'
import { viewOf } from './model/view-of.js'
import { clusterPage, clusterTables } from './page.js'
import { BadQuery } from './table-query.js'
import { ownLogAnswer } from './own-log-page.js'
import type { RouteContext } from './route-context.js'

const explainPattern = /^\/api\/v1\/(application|driver)s\/([^/]+)\/explain\/?$/

async function cluster(context: RouteContext, { parameters }: Asked): Promise<Answer> {
  const model = await context.cluster.current()
  const tables = clusterTables(model, parameters)
  const { running, drivers } = tables
  await context.cluster.explain({ applications: running.rows, drivers: drivers.running.rows })
  return page(clusterPage(model, tables, context))
}

async function application(context: RouteContext, { parameters }: Asked): Promise<Answer> {
  const id = parameters.get('appId') ?? ''
  if (id === '') return plain(400, 'appId is missing: /app/?appId=<application id>')
  const model = await context.cluster.current()
  const row = model.application(id)
  if (row !== null) await context.cluster.explain({ applications: [row], drivers: [] })
  const { historyServerUrl = null } = context
  return page(applicationPage(row, model, { historyServerUrl, parameters }))
}

async function document(context: RouteContext, { path }: Asked): Promise<Answer> {
  const view = viewOf(await context.cluster.current())
  // Spark looks for letters after /json/ and ignores what follows them (U11).
  const field = /^\/json\/([a-zA-Z]+)/.exec(path)?.[1]
  if (field === undefined) return json(clusterJson(view))
  if (field === 'clusterutilization') return json(clusterUtilizationJson(view))
  return json(clusterFieldJson(view, field))
}

/** Whether the peer names plain text before JSON; browsers and plain curl name neither. */
function prefersText(accept: string | undefined): boolean {
  const named = (accept ?? '').split(',').map((range) => range.split(';')[0]?.trim().toLowerCase())
  return named.find((type) => type === 'text/plain' || type === 'application/json') === 'text/plain'
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

async function explain(context: RouteContext, { path, headers }: Asked): Promise<Answer> {
  const [, kind = '', part = ''] = explainPattern.exec(path) ?? []
  const id = decoded(part)
  if (id === null) return plain(400, 'the id is not percent-encoded UTF-8')
  const one = kind === 'driver' ? 'driver' : 'application'
  const found = await findExplained(context.cluster, one, id)
  const asText = prefersText(headers.accept)
  if (found === null) {
    const missing = `there is no ${one} ${id}`
    return asText ? plain(404, missing) : jsonAnswer(404, { error: missing })
  }
  return asText ? text(explainText(found)) : jsonAnswer(200, explainJson(found))
}

/** Asked in this order. */
const routes: readonly Route<RouteContext>[] = [
  { methods: reads, matches: (path) => path === '/', answer: cluster },
  { methods: reads, matches: folder('/app'), answer: application },
  { methods: ['POST'], matches: folder('/app/kill'), answer: killApplication },
  { methods: ['POST'], matches: folder('/driver/kill'), answer: killDriver },
  {
    methods: ['POST'],
    matches: (path, { decommissionAllowMode }) =>
      decommissionAllowMode !== null && /^\/workers\/kill\/?$/.test(path),
    answer: decommission,
  },
  {
    methods: reads,
    matches: folder('/log'),
    answer: ({ logs }, asked) => ownLogAnswer(logs, asked, 'text'),
  },
  {
    methods: reads,
    matches: folder('/logPage'),
    answer: ({ logs }, asked) => ownLogAnswer(logs, asked, 'page'),
  },
  {
    methods: reads,
    matches: folder('/logPart'),
    answer: ({ logs }, asked) => ownLogAnswer(logs, asked, 'part'),
  },
  scriptRoute,
  { methods: reads, matches: (path) => path === '/json', answer: () => redirect(301, '/json/') },
  { methods: reads, matches: (path) => path.startsWith('/json/'), answer: document },
  { methods: reads, matches: (path) => explainPattern.test(path), answer: explain },
  ...metricsRoutes,
]

/** Never throws for anything that a peer sent or the master refused; what it throws is a fault of ours. */
export async function answerTo(request: Request, context: RouteContext): Promise<Answer> {
  try {
    return await routed(routes, request, context)
  } catch (error) {
    if (error instanceof BadQuery) return plain(400, error.message)
    if (error instanceof ViewUnavailable || error instanceof Unanswered) {
      return plain(503, error.message, { 'Retry-After': '1' })
    }
    throw error
  }
}
