/** Entry of the worker's web thread (started by web-ui.ts). It reads the disk; of the worker's state it knows what it is told. */
import { parentPort, workerData } from 'node:worker_threads'

import { PageServer } from '../../http/page-server.js'
import { LogReader } from '../../log-files/reader.js'
import { createLogger } from '../../log/logger.js'
import { WorkerMetrics } from '../../metrics/worker-metrics.js'
import { pageSecurity } from '../../security/page-security.js'
import { answerTo, type WebContext } from './routes.js'
import { loadOf } from './totals.js'
import type { FromWebThread, MasterNote, ToWebThread, WebThreadData } from './thread-messages.js'
import { WorkCache } from './work-cache.js'

const port = parentPort
if (port === null)
  throw new Error('web-thread.js is a worker thread of the worker; start the worker')

const {
  host,
  port: wantedPort,
  maxRetries,
  headerBytesMax,
  metrics: metered,
  security,
  ...data
} = workerData as WebThreadData
const log = createLogger('WorkerWebUI')
let master: MasterNote | null = null

const works = new WorkCache((id) => post({ kind: 'work', id }))

const metrics =
  metered === undefined
    ? undefined
    : new WorkerMetrics({
        ...metered,
        log: createLogger('metrics'),
        load: async () => loadOf(data.worker, await works.get()),
      })

const context: WebContext = {
  ...data,
  ...(metrics === undefined ? {} : { metrics }),
  logs: new LogReader(data.rememberedLengths),
  master: () => master,
  work: () => works.get(),
}
const server = new PageServer({
  what: 'the web UI',
  portKey: 'spark.worker.ui.port',
  daemon: 'worker',
  host,
  port: wantedPort,
  maxRetries,
  headerBytesMax,
  ...(security === undefined ? {} : pageSecurity(security, log)),
  answer: (request) => answerTo(request, context),
  onFault: (error) => log.error({ error }, 'a page failed'),
})

async function stop(): Promise<void> {
  await Promise.all([server.close(), metrics?.stop()])
  port?.close()
}

function post(message: FromWebThread): void {
  port?.postMessage(message)
}

port.on('message', (message: ToWebThread) => {
  if (message.kind === 'master') master = message
  else if (message.kind === 'work') works.deliver(message.id, message.lists)
  else void stop()
})

try {
  const bound = await server.listen()
  const { securePort } = server
  post({ kind: 'listening', port: bound, ...(securePort === null ? {} : { securePort }) })
} catch (error) {
  post({ kind: 'failed', message: (error as Error).message })
  port.close()
}
