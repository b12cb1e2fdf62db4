/** The worker's pages: a first one (U21), its JSON (U26), and logs (U24, U25). */
import { join } from 'node:path'

import { json, page, plain, redirect, type Answer } from '../../http/answer.js'
import { html, link, webUrl } from '../../http/html.js'
import { folder, reads, routed, type Asked, type Request, type Route } from '../../http/route.js'
import { noOwnLog } from '../../log-files/own-log.js'
import { logFailure, logPage, logText, type FoundLog } from '../../log-files/page.js'
import type { LogReader } from '../../log-files/reader.js'
import type { HostedLists } from '../hosted-work.js'
import { firstPage, type FirstPage } from './first-page.js'
import { workerJson } from './json.js'
import { ownerName, readLogRequest } from './log-request.js'
import { logSource, type LogPlaces } from './log-source.js'
import { logQuery } from './log-urls.js'
import type { WorkerFacts } from './thread-messages.js'
import { WorkUnavailable } from './work-cache.js'

export interface WebContext extends LogPlaces {
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

/** @returns the refusal when it is not there */
async function find(context: WebContext, parameters: URLSearchParams): Promise<FoundLog | Answer> {
  const request = readLogRequest(parameters)
  const { owner, logType } = request
  const name = ownerName(owner)
  const source = await logSource(request, context)
  const part = source && (await context.logs.read(source.folder, source.file, request))
  if (source !== null && part !== null) {
    const title = `${logType} log page for ${name}`
    const path = join(source.folder, source.file)
    return { path, part, wanted: request, query: logQuery(owner, logType), title }
  }
  if (owner !== null) return plain(404, `there is no ${logType} of ${name} here`)
  return plain(404, noOwnLog('worker', context.logDir))
}

async function log(context: WebContext, { parameters }: Asked): Promise<Answer> {
  const found = await find(context, parameters)
  return 'status' in found ? found : logText(found)
}

async function pageOfLog(context: WebContext, { parameters }: Asked): Promise<Answer> {
  const found = await find(context, parameters)
  if ('status' in found) return found
  const master = webUrl(context.master()?.webUiUrl ?? null)
  return logPage(found, html`${link(master, 'Back to Master')} <a href="/">Worker</a>`)
}

const routes: readonly Route<WebContext>[] = [
  {
    methods: reads,
    matches: (path) => path === '/',
    answer: async (context) => page(firstPage(await shown(context))),
  },
  { methods: reads, matches: (path) => path === '/json', answer: () => redirect(301, '/json/') },
  {
    methods: reads,
    matches: (path) => path.startsWith('/json/'),
    answer: async (context) => json(workerJson(await shown(context))),
  },
  { methods: reads, matches: folder('/log'), answer: log },
  { methods: reads, matches: folder('/logPage'), answer: pageOfLog },
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
