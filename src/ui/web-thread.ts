/**
 * Entry of the web thread (started by src/master). In: messages of `ToWebThread`; out: `FromWebThread`.
 * All that it shows of the cluster is in a model that the core's changes keep current.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { BatchPort, type PostedBatch } from '../control/batch-port.js'
import type { LeadershipStatus } from '../control/leadership.js'
import type { FromWebThread, ToWebThread, WebThreadData } from '../control/thread-messages.js'
import { createLogger } from '../log/logger.js'
import { LogReader } from '../log-files/reader.js'
import { MasterMetrics } from '../metrics/master-metrics.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
import type { RestServer, RestServerOptions } from '../rest/server.js'
import { leaderElsewhere } from '../rest/standby.js'
import { pageSecurity, securityOnPort } from '../security/page-security.js'
import { handedOn } from '../security/signed-token.js'
import { Environment } from './environment-page.js'
import { SharedAnswers } from '../http/live.js'
import { CommandSession } from './command-session.js'
import { singleLine } from '../http/single-line.js'
import { WebServer } from './server.js'
import { ClusterFeed } from './model/cluster-feed.js'
import { Events } from './model/events.js'
import { clusterFigures } from './model/figures.js'
import { History } from './model/history.js'
import { viewOf } from './model/view-of.js'
import { Sampler } from './sampler.js'

const port = parentPort
if (port === null)
  throw new Error('web-thread.js is a worker thread of the master; start the master')

const data = workerData as WebThreadData
const log = createLogger('MasterWebUI')
const batches = BatchPort.ofThread(port, data.rings)

function post(message: FromWebThread): void {
  port?.postMessage(message)
}

const events = new Events()
const cluster = new ClusterFeed({
  request: (anew) => post({ kind: 'changes', anew }),
  explain: (id, request) => post({ kind: 'explain', id, request }),
  observer: events,
})
const commands = new CommandSession((batch) => batches.post(batch))
const audit = (remoteAddress: string, command: string, outcome: string): void =>
  log.info(singleLine(`${remoteAddress} asked to ${command}: ${outcome}`))
let masterUrl: string | null = null
let leadership: LeadershipStatus | null = null
/** As submit clients name it (U1). */
let restUrl: string | null = null
const metrics =
  data.metrics === undefined
    ? undefined
    : new MasterMetrics({
        ...data.metrics,
        log: createLogger('metrics'),
        view: async () => viewOf(await cluster.current()),
        cluster: () => clusterFigures(cluster),
        leadership: () => leadership,
      })
const history = new History()
const sampler = new Sampler({
  cluster,
  history,
  schedulingP99Us: () => metrics?.schedulingP99Us() ?? null,
  onFault: (error) => log.error({ error }, 'the cluster could not be looked at'),
})
// A master's log is never compressed.
const rememberedLengths = 1
const server = new WebServer({
  host: data.host,
  port: data.port,
  maxRetries: data.maxRetries,
  ...(data.headerBytesMax === undefined ? {} : { headerBytesMax: data.headerBytesMax }),
  context: {
    killEnabled: data.killEnabled ?? true,
    title: data.title ?? null,
    historyServerUrl: data.historyServerUrl ?? null,
    get restUrl() {
      return restUrl
    },
    get leadership() {
      return leadership
    },
    cluster,
    decommissionAllowMode: data.decommissionAllowMode ?? null,
    ...(data.logDir === undefined
      ? {}
      : { logs: { reader: new LogReader(rememberedLengths), logDir: data.logDir } }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(data.environment === undefined ? {} : { environment: new Environment(data.environment) }),
    proxied: data.reverseProxy !== undefined,
    shared: new SharedAnswers(),
    history,
    events,
    commands,
    audit,
  },
  ...(data.reverseProxy === undefined ? {} : { streamed: await streamedBy(data.reverseProxy) }),
  ...(data.security === undefined ? {} : pageSecurity(data.security, log)),
  onFault: (error) => log.error({ error }, 'a page failed'),
})
const rest =
  data.rest === undefined
    ? null
    : await restServer({
        ...data.rest,
        maxRetries: data.maxRetries,
        masterUrl: () => masterUrl,
        leaderUrl: () => leaderElsewhere(leadership),
        ask: (request) => commands.ask(request),
        audit,
        environment: process.env,
        onFault: (error) => log.error({ error }, 'a submission request failed'),
      })

/** What is not served is not loaded, here and below. */
async function restServer(options: RestServerOptions): Promise<RestServer> {
  const { RestServer } = await import('../rest/server.js')
  return new RestServer(options)
}

/** P47: the pages of workers and running applications, and of nobody else. */
async function streamedBy({ frontUrl }: NonNullable<WebThreadData['reverseProxy']>) {
  const { ReverseProxy } = await import('../proxy/reverse-proxy.js')
  const { access, headers, trust } = data.security ?? {}
  const tokens = access?.tokens ?? null
  const proxy = new ReverseProxy({
    frontUrl,
    ...(headers === undefined ? {} : { headers }),
    ...(trust === undefined ? {} : { trust }),
    find: async (id, visitor) => {
      const model = await cluster.current()
      const worker = model.worker(id)?.worker.webUiUrl ?? null
      if (worker !== null) {
        const user = visitor?.user ?? null
        const authorization = tokens === null ? null : handedOn(user, tokens, Date.now())
        return { address: worker, authorization }
      }
      const row = model.application(id)
      const address = row?.completed === false ? row.application.uiUrl : null
      return address === null ? null : { address, authorization: null }
    },
  })
  return (...args: Parameters<ReverseProxy['serve']>) => proxy.serve(...args)
}

async function stop(): Promise<void> {
  sampler.stop()
  cluster.close()
  commands.close()
  await Promise.all([server.close(), rest?.close(), metrics?.stop()])
  port?.close()
}

async function listen(): Promise<FromWebThread> {
  const uiPort = await server.listen()
  const { securePort } = server
  const secure = securePort === null ? {} : { securePort }
  // One that is started in its place serves where links lead.
  const restart =
    data.security === undefined ? {} : { security: securityOnPort(data.security, securePort) }
  if (rest === null) return { kind: 'listening', port: uiPort, ...secure, again: restart }
  try {
    const restPort = await rest.listen()
    log.info(`REST submissions are taken on ${data.rest?.host}, port ${restPort}`)
    const again = { ...restart, rest: { ...data.rest, port: restPort } }
    return { kind: 'listening', port: uiPort, ...secure, restPort, again }
  } catch (error) {
    await server.close()
    throw error
  }
}

function receive(message: ToWebThread | PostedBatch): void {
  if (typeof message === 'number' || message.kind === 'batch')
    return commands.receive(batches.receive(message))
  if (message.kind === 'changes') cluster.deliver(message.bytes)
  if (message.kind === 'explain') cluster.deliverExplanations(message.id, message.bytes)
  if (message.kind === 'ready') {
    masterUrl = message.masterUrl
    restUrl = message.restPort === null ? null : masterUrl.replace(/:\d+$/, `:${message.restPort}`)
    log.info(`Web UI of ${message.masterUrl} at ${message.webUiUrl}`)
    // Before this the main thread has no core to ask.
    sampler.start()
  }
  if (message.kind === 'leadership') leadership = message.status
  if (message.kind === 'stepDown') commands.end(message.reason)
  if (message.kind === 'stop') void stop()
}

port.on('message', receive)

try {
  post(await listen())
} catch (error) {
  post({ kind: 'failed', message: (error as Error).message })
  port.close()
}
