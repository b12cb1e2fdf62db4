/** The worker's pages: a first one (U21), and logs (U24, U25). */
import { join } from 'node:path'

import { page, plain, text, type Answer } from '../../http/answer.js'
import { html, link, webUrl } from '../../http/html.js'
import { document, facts } from '../../http/layout.js'
import { folder, reads, routed, type Asked, type Request, type Route } from '../../http/route.js'
import { LogUnavailable, type LogPart } from '../../log-files/read.js'
import type { LogReader } from '../../log-files/reader.js'
import { logPage, ownerName } from './log-page.js'
import { BadLogRequest, readLogRequest, type LogRequest } from './log-request.js'
import { logSource, type LogPlaces, type LogSource } from './log-source.js'
import { logQuery } from './log-urls.js'

export interface WebContext extends LogPlaces {
  readonly workerId: string
  readonly logs: LogReader
  /** The master that has this worker now, or had it last; null before the first. */
  master(): { url: string; webUiUrl: string } | null
}

interface FoundLog {
  request: LogRequest
  source: LogSource
  part: LogPart
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
  const source = await logSource(request, context)
  const part = source && (await context.logs.read(source.folder, source.file, request))
  if (source !== null && part !== null) return { request, source, part }
  if (owner !== null) return plain(404, `there is no ${logType} of ${ownerName(owner)} here`)
  return plain(
    404,
    `this worker's output goes to no file that is there, and ${context.logDir} has none of it`,
  )
}

/** U9: the first line says what follows; who shows it reads three numbers from it. */
async function log(context: WebContext, { parameters }: Asked): Promise<Answer> {
  const found = await find(context, parameters)
  if ('status' in found) return found
  const { source, part } = found
  const path = join(source.folder, source.file)
  const head = `==== Bytes ${part.start}-${part.end} of ${part.total} of ${path} ====\n`
  return text(Buffer.concat([Buffer.from(head), part.bytes]))
}

async function pageOfLog(context: WebContext, { parameters }: Asked): Promise<Answer> {
  const found = await find(context, parameters)
  if ('status' in found) return found
  const { request, part } = found
  const { bytes, ...range } = part
  const masterWebUiUrl = context.master()?.webUiUrl ?? null
  return page(logPage({ request, ...range, text: bytes.toString('utf8'), masterWebUiUrl }))
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
    if (error instanceof BadLogRequest) return plain(400, error.message)
    if (error instanceof LogUnavailable) return plain(503, error.message, { 'Retry-After': '1' })
    throw error
  }
}
