/** The worker's pages: a first one (U21), its JSON (U26), and logs (U24, U25). */
import { join } from 'node:path'

import { json, plain, redirect, type Answer } from '../../http/answer.js'
import { html, link, webUrl } from '../../http/html.js'
import { livePage, revalidated } from '../../http/live.js'
import {
  folder,
  reads,
  rootOf,
  routed,
  type Asked,
  type Request,
  type Route,
} from '../../http/route.js'
import { scriptRoute } from '../../http/script.js'
import { noOwnLog } from '../../log-files/own-log.js'
import { logAnswer, logFailure, type FoundLog, type LogForm } from '../../log-files/page.js'
import type { LogReader } from '../../log-files/reader.js'
import { metricsRoutes, type MetricsContext } from '../../metrics/routes.js'
import type { HostedLists } from '../hosted-work.js'
import { firstPage, type FirstPage } from './first-page.js'
import { workerJson } from './json.js'
import { ownerName, readLogRequest, type LogRequest } from './log-request.js'
import { logSource, type LogPlaces } from './log-source.js'
import { logQuery } from './log-urls.js'
import type { WorkerFacts } from './thread-messages.js'
import { WorkUnavailable } from './work-cache.js'

export interface WebContext extends LogPlaces, MetricsContext {
  readonly worker: WorkerFacts
  readonly logs: LogReader
  /** spark.ui.reverseProxy (P47). */
  readonly reverseProxy: boolean
  /** The master that has this worker now, or had it last; null before the first. */
  master(): { url: string; webUiUrl: string } | null
  /** @throws WorkUnavailable */
  work(): Promise<HostedLists>
}

async function shown(context: WebContext): Promise<FirstPage> {
  const master = context.master()
  const masterUi = master === null ? null : webUrl(master.webUiUrl)
  const proxied = context.reverseProxy && masterUi !== null
  return {
    worker: context.worker,
    lists: await context.work(),
    master,
    proxyBase: proxied ? `${masterUi.replace(/\/+$/, '')}/proxy` : null,
  }
}

async function log(context: WebContext, form: LogForm, asked: Asked): Promise<Answer> {
  const request = readLogRequest(asked.parameters)
  const master = webUrl(context.master()?.webUiUrl ?? null)
  const home = html`${link(master, 'Back to Master')} <a href="${rootOf(asked.path)}">Worker</a>`
  const answer = await logAnswer(() => locate(context, request), form, asked, home)
  if (answer !== null) return answer
  const { owner, logType } = request
  if (owner !== null) return plain(404, `there is no ${logType} of ${ownerName(owner)} here`)
  return plain(404, noOwnLog('worker', context.logDir))
}

async function locate(context: WebContext, request: LogRequest): Promise<FoundLog | null> {
  const source = await logSource(request, context)
  if (source === null) return null
  const { folder: at, file } = source
  return {
    path: join(at, file),
    query: logQuery(request.owner, request.logType),
    title: `${request.logType} log page for ${ownerName(request.owner)}`,
    read: (wanted, maxBytes) => context.logs.read(at, file, wanted, maxBytes),
  }
}

function logRoute(name: string, form: LogForm): Route<WebContext> {
  return {
    methods: reads,
    matches: folder(name),
    answer: (context, asked) => log(context, form, asked),
  }
}

const routes: readonly Route<WebContext>[] = [
  ...metricsRoutes,
  {
    methods: reads,
    matches: (path) => path === '/',
    answer: async (context, { headers }) =>
      revalidated(livePage(firstPage(await shown(context))), headers['if-none-match']),
  },
  { methods: reads, matches: (path) => path === '/json', answer: () => redirect(301, '/json/') },
  {
    methods: reads,
    matches: (path) => path.startsWith('/json/'),
    answer: async (context) => json(workerJson(await shown(context))),
  },
  logRoute('/log', 'text'),
  logRoute('/logPage', 'page'),
  logRoute('/logPart', 'part'),
  scriptRoute,
]

/** Never throws for anything that a peer sent; what it throws is a fault of ours or of the disk. */
export async function answerTo(request: Request, context: WebContext): Promise<Answer> {
  try {
    return await routed(routes, request, context)
  } catch (error) {
    if (error instanceof WorkUnavailable) return plain(503, error.message, { 'Retry-After': '1' })
    const failure = logFailure(error)
    if (failure !== null) return failure
    throw error
  }
}
