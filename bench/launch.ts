/**
 * From an application's RegisterApplication leaving its socket to the exec() of its executor on the worker: through
 * the control link, the core, the worker's main thread and its launcher. One at a time, then many at once.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { decode, encode, encodeApplication } from '../src/control/codec.js'
import * as schema from '../src/schema/magneto.js'
import { Cluster, eventually } from '../test/e2e/cluster.js'
import { controlAddress } from './control-link.js'
import { type Figure, quantile } from './figures.js'

const oneAtATime = 40
const atOnce = 50

function application(index: number): Uint8Array {
  const command = new schema.NodeCommandT('/nonexistent/task.js', [
    '--driver-url',
    'ws://127.0.0.1:1',
  ])
  const description = new schema.ApplicationDescriptionT(`bench ${index}`)
  description.maxCores = 1
  description.defaultProfile = new schema.ResourceProfileT(0, 1, 64)
  description.commandType = schema.Command.NodeCommand
  description.command = command
  description.runtime = 'node'
  return encode(new schema.RegisterApplicationT(encodeApplication(description)))
}

interface Launch {
  socket: WebSocket
  sentMs: number
  appId: string
}

/** Opens the link first, so that only the way of the message is measured. */
async function launch(url: string, index: number): Promise<Launch> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await new Promise((done, fail) => socket.once('open', done).once('error', fail))
  const registered = new Promise<string>((done) => {
    socket.on('message', (bytes: Buffer) => {
      const body = decode(bytes)
      if (body instanceof schema.ApplicationRegisteredT) done(body.appId ?? '')
    })
  })
  const message = application(index)
  const sentMs = performance.timeOrigin + performance.now()
  socket.send(message)
  return { socket, sentMs, appId: await registered }
}

/** When the worker's launcher saw exec() succeed, by application; from its log in JSON lines. */
function execTimes(folder: string): Map<string, number> {
  const name = readdirSync(folder).find((file) => file.includes('worker.Worker-1'))
  const times = new Map<string, number>()
  if (name === undefined) return times
  for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
    if (!line.includes('"execMs"')) continue
    const { execMs, msg } = JSON.parse(line) as { execMs: number; msg: string }
    times.set(/executor ([^/]+)\//.exec(msg)?.[1] ?? '', execMs)
  }
  return times
}

function figure(what: string, values: number[], q: number): Figure {
  return {
    name: `RegisterApplication sent to exec(), ${what}, p${q * 100}`,
    value: quantile(values, q),
    unit: 'ms',
    note: `${values.length} Node executors on one worker, everything on the same 2 cores`,
  }
}

async function measured(cluster: Cluster, launches: Launch[]): Promise<number[]> {
  const logs = join(cluster.folder, 'logs')
  const times = await eventually('every executor was started', () => {
    const found = execTimes(logs)
    return launches.every(({ appId }) => found.has(appId)) ? found : null
  })
  for (const { socket } of launches) socket.terminate()
  await cluster.until('the cores are free', (state) => state.coresused === 0)
  await eventually('the executors are gone', () => (cluster.executors().length === 0 ? true : null))
  return launches.map(({ appId, sentMs }) => times.get(appId)! - sentMs)
}

export async function launchLatency(): Promise<Figure[]> {
  const cluster = await Cluster.start({
    workers: 1,
    coresPerWorker: atOnce,
    memoryPerWorker: '8g',
    environment: { MAGNETO_LOG_FORMAT: 'json' },
  })
  try {
    const url = await controlAddress(cluster.masterUrl)
    // The first executors pay for cold code.
    for (let index = 0; index < 5; index += 1) await measured(cluster, [await launch(url, index)])
    const single: number[] = []
    for (let index = 0; index < oneAtATime; index += 1) {
      single.push(...(await measured(cluster, [await launch(url, index)])))
    }
    const many = await Promise.all(Array.from({ length: atOnce }, (_, index) => launch(url, index)))
    const burst = await measured(cluster, many)
    return [
      figure('one at a time', single, 0.5),
      figure('one at a time', single, 0.99),
      figure(`${atOnce} at once`, burst, 0.5),
      figure(`${atOnce} at once`, burst, 0.99),
    ]
  } finally {
    await cluster.stop()
  }
}
