/** The master's own log (U8, U9). */
import { basename, dirname } from 'node:path'
import { plain, type Answer } from '../http/answer.js'
import { html } from '../http/html.js'
import { rootOf, type Asked } from '../http/route.js'
import { noOwnLog, ownLog } from '../log-files/own-log.js'
import {
  BadLogRequest,
  logAnswer,
  logFailure,
  type FoundLog,
  type LogForm,
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

/** @throws what is a fault of ours or of the disk */
export async function ownLogAnswer(
  logs: OwnLogContext | undefined,
  asked: Asked,
  form: LogForm,
): Promise<Answer> {
  if (logs === undefined) return plain(404, 'this master shows no log')
  try {
    check(asked.parameters)
    const home = html`<a href="${rootOf(asked.path)}">Back to Master</a>`
    const answer = await logAnswer(() => locate(logs), form, asked, home)
    return answer ?? plain(404, noOwnLog('master', logs.logDir))
  } catch (error) {
    const failure = logFailure(error)
    if (failure !== null) return failure
    throw error
  }
}

async function locate(logs: OwnLogContext): Promise<FoundLog | null> {
  const path = await ownLog({ ...logs, className: masterClass })
  if (path === null) return null
  return {
    path,
    query: new URLSearchParams({ self: '', logType: 'out' }),
    title: 'out log page for this master',
    read: (wanted, maxBytes) => logs.reader.read(dirname(path), basename(path), wanted, maxBytes),
  }
}
