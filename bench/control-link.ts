/**
 * Messages through the real socket into the core: a master in a process of its own, many workers played here over
 * the control protocol, each sending heartbeats as fast as the master takes them.
 */
import { WebSocket } from 'ws'
import { encode, decode } from '../src/control/codec.js'
import { RegisterWorkerT, WorkerHeartbeatT, WorkerRegisteredT } from '../src/schema/magneto.js'
import { Cluster } from '../test/e2e/cluster.js'
import type { Figure } from './figures.js'
import { cpuSeconds } from './processes.js'

const workers = 1000
/** Heartbeats written to a socket at once: what a busy link coalesces into one read. */
const burst = 50

export async function controlAddress(masterUrl: string): Promise<string> {
  const http = masterUrl.replace('spark://', 'http://')
  const answer = (await (await fetch(`${http}/control`)).json()) as { port: number; path: string }
  return `ws://${new URL(http).hostname}:${answer.port}${answer.path}`
}

function registration(index: number): RegisterWorkerT {
  const worker = new RegisterWorkerT(
    `worker-bench-${index}`,
    '127.0.0.1',
    1 + (index % 65535),
    16,
    65536,
  )
  worker.host = `host-${index}`
  worker.runtimes = ['node']
  return worker
}

function open(url: string, index: number): Promise<WebSocket> {
  return new Promise((done, fail) => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    socket.once('error', fail)
    socket.once('open', () => socket.send(encode(registration(index))))
    socket.on('message', (bytes: Buffer) => {
      if (decode(bytes) instanceof WorkerRegisteredT) done(socket)
    })
  })
}

/** Sends bursts on every socket in turn until the time is over; @returns how many heartbeats left */
async function heartbeats(sockets: WebSocket[], seconds: number): Promise<number> {
  const messages = sockets.map((_, index) => encode(new WorkerHeartbeatT(`worker-bench-${index}`)))
  const deadline = Date.now() + seconds * 1000
  let sent = 0
  while (Date.now() < deadline) {
    for (const [index, socket] of sockets.entries()) {
      const flushed = new Promise<void>((done) => {
        for (let i = 1; i < burst; i += 1) socket.send(messages[index]!)
        socket.send(messages[index]!, () => done())
      })
      sent += burst
      if (index % 100 === 99) await flushed
    }
  }
  // A ping comes back after everything before it has been read: what was sent has then entered the core.
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((done) => {
          socket.once('pong', () => done())
          socket.ping()
        }),
    ),
  )
  return sent
}

export async function controlLink(seconds = 5): Promise<Figure[]> {
  const cluster = await Cluster.start({ workers: 0 })
  try {
    const url = await controlAddress(cluster.masterUrl)
    const { master } = cluster.pids()
    const registering = { cpu: cpuSeconds(master), at: performance.now() }
    const sockets: WebSocket[] = []
    for (let index = 0; index < workers; index += 50) {
      const group = Array.from({ length: 50 }, (_, i) => open(url, index + i))
      sockets.push(...(await Promise.all(group)))
    }
    const registered = { cpu: cpuSeconds(master), at: performance.now() }
    const sent = await heartbeats(sockets, seconds)
    const end = { cpu: cpuSeconds(master), at: performance.now() }
    for (const socket of sockets) socket.terminate()
    const perMessage = ((end.cpu - registered.cpu) / sent) * 1e6
    return [
      {
        name: 'worker registrations over the control link',
        value: workers / ((registered.at - registering.at) / 1000),
        unit: '1/s',
        note: `${workers} workers, 50 at once; ${(((registered.cpu - registering.cpu) / workers) * 1e6).toFixed(0)} us of master CPU each`,
      },
      {
        name: 'control messages through the socket into the core',
        value: sent / ((end.at - registered.at) / 1000),
        unit: '1/s',
        note: `heartbeats of ${workers} workers, bursts of ${burst}, generator on the same 2 cores; ${perMessage.toFixed(2)} us of master CPU each`,
      },
    ]
  } finally {
    await cluster.stop()
  }
}
