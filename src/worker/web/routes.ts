/** The worker's pages: a first one (U21), and logs (U24, U25). */
import { join } from 'node:path'

import { page, plain, type Answer } from '../../http/answer.js'
import { html, link, webUrl } from '../../http/html.js'
import { document, facts } from '../../http/layout.js'
import { folder, reads, routed, type Asked, type Request, type Route } from '../../http/route.js'
import { noOwnLog } from '../../log-files/own-log.js'
import { logFailure, logPage, logText, type FoundLog } from '../../log-files/page.js'
import type { LogReader } from '../../log-files/reader.js'
import { ownerName, readLogRequest } from './log-request.js'
import { logSource, type LogPlaces } from './log-source.js'
import { logQuery } from './log-urls.js'

export interface WebContext extends LogPlaces {
  readonly workerId: string
  readonly logs: LogReader
  /** The master that has this worker now, or had it last; null before the first. */
  master(): { url: string; webUiUrl: string } | null
}

function firstPage(context: WebContext): Answer {
  const master = context.master()
  const masterLink = master === null ? 'none yet' : link(webUrl(master.webUiUrl), master.url)
  return page(
    document('Magneto worker', [
      facts([
        [
          'ID',
          html`<a href="/logPage/?${logQuery(null, 'out').toString()}">${context.workerId}</a>`,
        ],
        ['Master', masterLink],
        ['Work folder', context.workDir],
      ]),
      master === null ? null : html`<p>${link(webUrl(master.webUiUrl), 'Back to Master')}</p>`,
    ]),
  )
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
  { methods: reads, matches: (path) => path === '/', answer: firstPage },
  { methods: reads, matches: folder('/log'), answer: log },
  { methods: reads, matches: folder('/logPage'), answer: pageOfLog },
]

/** Never throws for anything that a peer sent; what it throws is a fault of ours or of the disk. */
export async function answerTo(request: Request, context: WebContext): Promise<Answer> {
  try {
    return await routed(routes, request, context)
  } catch (error) {
    const failure = logFailure(error)
    if (failure !== null) return failure
    throw error
  }
}
