/** From a request to its answer: which pages there are, and what their parameters must be. */
import { Unanswered } from '../control/ask-session.js'
import { json, longJson, plain, redirect, type Answer } from '../http/answer.js'
import { folder, reads, routed, type Asked, type Request, type Route } from '../http/route.js'
import { scriptRoute } from '../http/script.js'
import { metricsRoutes } from '../metrics/routes.js'
import { apiRoute } from './api/routes.js'
import { decommission, killApplication, killDriver } from './commands.js'
import { ViewUnavailable } from './errors.js'
import { clusterFieldJson, clusterJson, clusterUtilizationJson } from './json.js'
import { viewOf } from './model/view-of.js'
import { pageRoutes } from './page-routes.js'
import { BadQuery } from './table-query.js'
import { ownLogAnswer } from './own-log-page.js'
import type { RouteContext } from './route-context.js'

async function document(context: RouteContext, { path }: Asked): Promise<Answer> {
  const view = viewOf(await context.cluster.current())
  // Spark looks for letters after /json/ and ignores what follows them (U11).
  const field = /^\/json\/([a-zA-Z]+)/.exec(path)?.[1]
  if (field === undefined) return longJson(clusterJson(view))
  if (field === 'clusterutilization') return json(clusterUtilizationJson(view))
  return longJson(clusterFieldJson(view, field))
}

/** Asked in this order. */
const routes: readonly Route<RouteContext>[] = [
  ...pageRoutes,
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
  apiRoute,
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
