/** The master's own log (U8, U9). */
import { basename, dirname } from 'node:path'
import { plain, type Answer } from '../http/answer.js'
import { html } from '../http/html.js'
import type { Asked } from '../http/route.js'
import { noOwnLog, ownLog } from '../log-files/own-log.js'
import {
  BadLogRequest,
  logFailure,
  logPage,
  logText,
  wantedRange,
  type FoundLog,
} from '../log-files/page.js'
import type { LogReader } from '../log-files/reader.js'

const masterClass = 'org.apache.spark.deploy.master.Master'

export interface OwnLogContext {
  readonly reader: LogReader
  /** SPARK_LOG_DIR: where the log is if the output of this process does not tell. */
  readonly logDir: string
  /** For tests: what leads to the output of this process. */
  readonly standardOutput?: string
}

/** @throws BadLogRequest */
function check(parameters: URLSearchParams): void {
  if (parameters.get('self') !== null && parameters.get('logType') === 'out') return
  throw new BadLogRequest(
    'a master shows its own log alone: expected self and logType=out; executors and drivers log on their workers',
  )
}

/** @returns the refusal when it is not there */
async function find(logs: OwnLogContext, parameters: URLSearchParams): Promise<FoundLog | Answer> {
  check(parameters)
  const wanted = wantedRange(parameters)
  const path = await ownLog({ ...logs, className: masterClass })
  const part = path && (await logs.reader.read(dirname(path), basename(path), wanted))
  if (!path || !part) return plain(404, noOwnLog('master', logs.logDir))
  const query = new URLSearchParams({ self: '', logType: 'out' })
  return { path, part, wanted, query, title: 'out log page for this master' }
}

/** @param as the page, or the text alone @throws what is a fault of ours or of the disk */
export async function ownLogAnswer(
  logs: OwnLogContext | undefined,
  { parameters }: Asked,
  as: 'page' | 'text',
): Promise<Answer> {
  if (logs === undefined) return plain(404, 'this master shows no log')
  try {
    const found = await find(logs, parameters)
    if ('status' in found) return found
    return as === 'text' ? logText(found) : logPage(found, html`<a href="/">Back to Master</a>`)
  } catch (error) {
    const failure = logFailure(error)
    if (failure !== null) return failure
    throw error
  }
}
