/**
 * The gateway's worker thread. In: sockets of the Spark port, and from the main thread `ready`, batches of
 * outbox records, `stop`. Out: `listening` or `failed`, then batches of inbox records.
 */
import type { Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

import { socketAddress } from '../conf/host.js'
import { BatchPort, type PostedBatch } from '../control/batch-port.js'
import type {
  FromGatewayThread,
  GatewayThreadData,
  RestRules,
  ToGatewayThread,
} from '../control/thread-messages.js'
import { createLogger } from '../log/logger.js'
import { singleLine } from '../http/single-line.js'
import type { RestHandler } from '../rest/handler.js'
import { leaderElsewhere } from '../rest/standby.js'
import { DiscoveryServer } from './gateway-http.js'
import { Gateway } from './gateway.js'
import { RpcServer } from './rpc-server.js'
import { versionOf } from '../control/runtimes.js'

const data = workerData as GatewayThreadData
if (parentPort === null)
  throw new Error('gateway-thread.js is a worker thread; the master starts it')
const main = parentPort

const log = createLogger('Gateway')

const batches = BatchPort.ofThread(main, data.rings)

function post(message: FromGatewayThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  main.postMessage(message)
}

const gateway = new Gateway({
  log,
  apacheWorkerVersion: versionOf(data.apacheWorkerVersion ?? ''),
  useDriverIdAsAppName: data.useDriverIdAsAppName ?? false,
  dial: (address, options) => server.dial(address, options),
  ...(data.recoveryTimeoutMs === undefined ? {} : { callForMs: data.recoveryTimeoutMs }),
  post: (batch) => batches.post(batch),
})
let masterUrl: string | null = null
let leaderUrl: string | null = null
let restPort: number | null = null

/** Where nobody may submit by REST, its modules are not loaded. */
async function restHandler(rules: RestRules): Promise<RestHandler> {
  const { RestHandler } = await import('../rest/handler.js')
  return new RestHandler({
    ...rules,
    masterUrl: () => masterUrl,
    leaderUrl: () => leaderUrl,
    restPorts: () => [rules.configuredPort, ...(restPort === null ? [] : [restPort])],
    ask: (request) => gateway.ask(request),
    audit: (remoteAddress, command, outcome) =>
      log.info(singleLine(`${remoteAddress} asked to ${command}: ${outcome}`)),
    environment: process.env,
    onFault: (error) => log.error({ error }, 'a submission request failed'),
  })
}

const rest = data.rest === undefined ? null : await restHandler(data.rest)
const discovery = new DiscoveryServer(log, rest)
const server = new RpcServer({
  host: socketAddress(data.host),
  port: data.port,
  maxRetries: data.maxRetries,
  log,
  endpoints: new Map([['Master', gateway]]),
  http: (socket: Socket) => discovery.accept(socket),
  onClosed: (connection, reason) => gateway.connectionClosed(connection, reason),
})

async function stop(): Promise<void> {
  gateway.close()
  await server.close('the master stops')
  gateway.flush()
  main.close()
}

main.on('message', (message: ToGatewayThread | PostedBatch) => {
  if (typeof message === 'number' || message.kind === 'batch') {
    // Parts of it may wait for a peer.
    gateway.handle(batches.take(message))
  } else if (message.kind === 'ready') {
    masterUrl = message.masterUrl
    restPort = message.restPort
    discovery.ready(data.controlPort, masterUrl, message.webUiUrl)
    gateway.ready(masterUrl, message.webUiUrl, restPort)
  } else if (message.kind === 'leadership') {
    leaderUrl = leaderElsewhere(message.status)
    discovery.leadership(message.status)
    gateway.follow(leaderUrl)
  } else if (message.kind === 'lead') {
    gateway.lead(message.records)
  } else if (message.kind === 'stepDown') {
    gateway.stepDown(message.reason)
  } else {
    stop().catch((error: unknown) => {
      throw error
    })
  }
})

try {
  post({ kind: 'listening', port: await server.listen() })
} catch (error) {
  post({ kind: 'failed', message: (error as Error).message })
  main.close()
}
