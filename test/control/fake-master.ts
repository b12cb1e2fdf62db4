/** Masters without a core behind them, and links that write down what happens to them. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ControlServer } from '../../src/control/server.js'
import { decode, encode, type BodyT } from '../../src/control/codec.js'
import { MasterLink, type MasterLinkOptions } from '../../src/control/link.js'
import type { MasterChangedT } from '../../src/schema/magneto.js'
import { ownAddress } from '../own-address.js'
import { Recorder, recordingLog } from './recorder.js'

export type LinkEvent =
  | { kind: 'open'; changed: MasterChangedT | null }
  | { kind: 'message'; body: BodyT }
  | { kind: 'close'; reason: string }

/** What a test has started; to be called after it, the last first. */
export const stops: (() => Promise<void> | void)[] = []

export async function stopAll(): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) await stop()
}

/** A control server and the HTTP answer that leads to it. */
export async function master(options: { host?: string; port?: number; answer?: string } = {}) {
  const host = options.host ?? ownAddress()
  const seen = new Recorder<{ kind: string; session: number; body?: BodyT }>()
  let last = 0
  const control = new ControlServer({
    log: recordingLog(),
    onConnected: (session) => {
      last = session
      seen.add({ kind: 'connected', session })
    },
    onMessage: (session, bytes) =>
      seen.add({ kind: 'message', session, body: decode(Uint8Array.from(bytes)) }),
    onDisconnected: (session) => seen.add({ kind: 'disconnected', session }),
  })
  const controlPort = await control.listen(host, 0)
  const answer =
    options.answer ?? JSON.stringify({ protocol: 1, port: controlPort, path: '/control/v1' })
  const http = createServer((_request, response) => void response.end(answer))
  await new Promise<void>((resolve) => {
    http.listen(options.port ?? 0, host, resolve)
  })
  const stop = async (): Promise<void> => {
    await control.stop('gone')
    await closeHttp(http)
  }
  stops.push(stop)
  const port = (http.address() as AddressInfo).port
  return {
    control,
    seen,
    stop,
    port,
    url: `spark://${host}:${port}`,
    /** To who has connected last. */
    say: (body: BodyT) => control.send(last, encode(body)),
    hangUp: () => control.close(last, 'as the test wants it'),
  }
}

export type FakeMaster = Awaited<ReturnType<typeof master>>

export function listOf(...masters: FakeMaster[]): string {
  return `spark://${masters.map(({ url }) => url.slice('spark://'.length)).join(',')}`
}

/** Pauses that cost no time, and how many there were. */
export function noPauses() {
  const seen = { pauses: 0, resets: 0 }
  const next = (): number => {
    seen.pauses += 1
    return 0
  }
  const reset = (): void => {
    seen.resets += 1
  }
  return { seen, backOff: () => ({ next, reset }) }
}

async function closeHttp(http: Server): Promise<void> {
  http.closeAllConnections()
  await new Promise<void>((resolve) => {
    http.close(() => resolve())
  })
}

export function linkTo(masterUrl: string, more: Partial<MasterLinkOptions> = {}) {
  const seen = new Recorder<LinkEvent>()
  const log = new Recorder<string>()
  const lines: string[] = []
  lines.push = (...added: string[]): number => {
    for (const line of added) log.add(line)
    return 0
  }
  const link = new MasterLink({
    masterUrl,
    log: recordingLog(lines),
    onOpen: (changed) => seen.add({ kind: 'open', changed }),
    onMessage: (body) => seen.add({ kind: 'message', body }),
    onClose: (reason) => seen.add({ kind: 'close', reason }),
    ...more,
  })
  stops.push(() => link.close())
  return { link, seen, log }
}

export const opened = (event: LinkEvent): boolean => event.kind === 'open'
export const lost = (event: LinkEvent): boolean => event.kind === 'close'
