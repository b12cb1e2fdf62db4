/**
 * The process of one Node executor, as a worker starts it. Exit codes: 0 the driver said stop; 1 the driver is
 * gone or refused us; 2 wrong arguments; 3 stdin ended, so the worker is gone; 7 an error in this very code.
 * What tasks do to their threads is an error of those tasks and never ends the process.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'

import { ExecutorRuntime } from './executor-runtime.js'
import { MAX_FRAME_BYTES, PEER_TIMEOUT_MS } from './limits.js'
import {
  decodeDriverMessage,
  encodeExecutorMessage,
  header,
  PROTOCOL_VERSION,
  TOKEN_VARIABLE,
} from './protocol.js'

function exit(status: number, reason: string): never {
  process.stderr.write(`executor: ${reason}\n`)
  process.exit(status)
}

/** What the worker wrote for this executor (G4). @throws Error when it can't be read */
function readResources(path: string): Record<string, string[]> {
  const entries = JSON.parse(readFileSync(path, 'utf8')) as {
    id: { resourceName: string }
    addresses: string[]
  }[]
  return Object.fromEntries(entries.map(({ id, addresses }) => [id.resourceName, addresses]))
}

function readArguments() {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      module: text,
      'driver-url': text,
      'executor-id': text,
      hostname: text,
      cores: text,
      'app-id': text,
      'worker-url': text,
      // Spelt as for a JVM (W8): the worker appends it when the executor has resources of its own.
      resourcesFile: text,
    },
  })
  const required = (name: keyof typeof values): string =>
    values[name] ?? exit(2, `--${name} is missing; workers start executors, people use ClusterPool`)
  const cores = Number(required('cores'))
  if (!Number.isSafeInteger(cores) || cores < 1 || cores > 4096)
    exit(2, `--cores is ${values.cores}: expected a whole number from 1 to 4096`)
  const token = process.env[TOKEN_VARIABLE] ?? exit(2, `${TOKEN_VARIABLE} is not set`)
  // Threads and the children of tasks inherit the environment; the secret is not for them.
  delete process.env[TOKEN_VARIABLE]
  return {
    modulePath: required('module'),
    driverUrl: required('driver-url'),
    executorId: required('executor-id'),
    hostname: required('hostname'),
    appId: required('app-id'),
    cores,
    resources: values.resourcesFile === undefined ? {} : readResources(values.resourcesFile),
    token,
  }
}

function connect({ driverUrl, ...settings }: ReturnType<typeof readArguments>): void {
  const socket = new WebSocket(driverUrl, {
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handshakeTimeout: PEER_TIMEOUT_MS,
    headers: {
      [header.token]: `Bearer ${settings.token}`,
      [header.protocol]: String(PROTOCOL_VERSION),
      [header.appId]: settings.appId,
      [header.executorId]: settings.executorId,
      [header.hostname]: settings.hostname,
      [header.cores]: String(settings.cores),
    },
  })
  const runtime = new ExecutorRuntime({
    ...settings,
    send: (message) => socket.send(encodeExecutorMessage(message)),
  })
  const silence = setTimeout(
    () => exit(1, `the driver at ${driverUrl} gave no sign of life`),
    PEER_TIMEOUT_MS,
  )
  socket.on('ping', () => silence.refresh())
  socket.on('error', (error) =>
    exit(1, `no connection to the driver at ${driverUrl}: ${error.message}`),
  )
  socket.on('close', () => exit(1, `the driver at ${driverUrl} closed the connection`))
  socket.on('message', (data) => {
    silence.refresh()
    const message = decodeDriverMessage(data as Buffer)
    if (message.kind === 'stop') exit(0, 'the driver has no more work')
    runtime.receive(message)
  })
}

process.on('uncaughtException', (error) => exit(7, error.stack ?? error.message))
process.stdin.on('end', () => exit(3, 'the worker is gone'))
process.stdin.on('error', () => exit(3, 'the worker is gone'))
process.stdin.resume()
try {
  connect(readArguments())
} catch (error) {
  exit(2, (error as Error).message)
}
