/**
 * Entry of the web thread (started by src/master). In: messages of `ToWebThread`; out: `FromWebThread`.
 * Holds no state of the cluster: everything shown comes from a view.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { FromWebThread, ToWebThread, WebThreadData } from '../control/thread-messages.js'
import { createLogger } from '../log/logger.js'
import { CommandSession } from './command-session.js'
import { singleLine } from './format.js'
import { WebServer } from './server.js'
import { ViewCache } from './view-cache.js'

const port = parentPort
if (port === null)
  throw new Error('web-thread.js is a worker thread of the master; start the master')

const data = workerData as WebThreadData
const log = createLogger('MasterWebUI')

function post(message: FromWebThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

const views = new ViewCache({ request: (id) => post({ kind: 'view', id }) })
const commands = new CommandSession((bytes) => post({ kind: 'batch', bytes }, [bytes.buffer]))
const server = new WebServer({
  host: data.host,
  port: data.port,
  maxRetries: data.maxRetries,
  context: {
    killEnabled: data.killEnabled ?? true,
    view: () => views.get(),
    decommissionAllowMode: data.decommissionAllowMode ?? null,
    commands,
    audit: (remoteAddress, command, outcome) =>
      log.info(singleLine(`${remoteAddress} asked to ${command}: ${outcome}`)),
  },
  onFault: (error) => log.error({ error }, 'a page failed'),
})

async function stop(): Promise<void> {
  views.close()
  commands.close()
  await server.close()
  port?.close()
}

function receive(message: ToWebThread): void {
  if (message.kind === 'view') views.deliver(message.id, message.bytes)
  if (message.kind === 'batch') commands.receive(message.bytes)
  if (message.kind === 'ready') log.info(`Web UI of ${message.masterUrl} at ${message.webUiUrl}`)
  if (message.kind === 'stop') void stop()
}

port.on('message', receive)

try {
  post({ kind: 'listening', port: await server.listen() })
} catch (error) {
  post({ kind: 'failed', message: (error as Error).message })
  port.close()
}
