/**
 * Registrations of workers that are on disk before they are answered, through the core and the FILESYSTEM store, without
 * the network: what a master can promise a second; and how long it takes to lead with all of them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Configuration } from '../src/conf/configuration.js'
import { encode } from '../src/control/codec.js'
import { InboxKind, SessionSource, sessionOf } from '../src/control/records.js'
import { createMasterCore } from '../src/core/native.js'
import { SingleRecovery } from '../src/election/single.js'
import { Clock } from '../src/master/clock.js'
import { CommitFigures } from '../src/master/commit-figures.js'
import { Reign } from '../src/master/reign.js'
import { coreConfig } from '../src/master/settings.js'
import { RegisterWorkerT } from '../src/schema/magneto.js'
import { Journal } from '../src/store/journal.js'
import { checkRecords } from '../src/store/records.js'
import { type Figure, median } from './figures.js'

const WORKERS = 50_000
/** Workers that register at the same time, as they do when a master is new. */
const IN_FLIGHT = [100, 1_000, 10_000]
const ROUNDS = 3

const log = pino({ level: 'silent' })
const self = { masterUrl: 'spark://m:7077', webUiUrl: 'http://m:8080', controlAddress: 'm:7078' }

const registrations = Array.from({ length: WORKERS }, (_, at) =>
  encode(
    new RegisterWorkerT(
      `worker-20261121140000-10.1.${at >> 8}.${at & 255}-40000`,
      `10.1.${at >> 8}.${at & 255}`,
      40_000,
      64,
      512 * 1024,
      `http://10.1.${at >> 8}.${at & 255}:8081`,
      [],
      ['node', 'spark-4.3', 'spark-4.3-driver'],
    ),
  ),
)

interface Leading {
  readonly reign: Reign
  readonly figures: CommitFigures
  /** From the opened store to a core that leads. */
  readonly tookMs: number
  end(): Promise<void>
}

function fail(what: string): never {
  throw new Error(what)
}

async function lead(folder: string, answered: () => void): Promise<Leading> {
  const recovery = new SingleRecovery({
    mode: 'FILESYSTEM',
    log,
    createEngine: () => new Journal(folder),
  })
  const figures = new CommitFigures()
  const sink = { send: answered, close: () => {}, flush: () => {} }
  const reign = new Reign({
    log,
    clock: new Clock(),
    core: createMasterCore(coreConfig(new Configuration([]), self.masterUrl, self.webUiUrl)),
    recovery,
    figures,
    sinks: {
      [SessionSource.CONTROL]: sink,
      [SessionSource.WEB]: sink,
      [SessionSource.GATEWAY]: sink,
    },
    onBroken: (error) => fail(error.message),
  })
  const beganMs = performance.now()
  await recovery.start(self, {
    lead: ({ epoch, records }) => {
      const { good, damaged } = checkRecords(records)
      if (damaged.length > 0) fail(`${damaged.length} records are damaged`)
      reign.lead(epoch, good, [])
    },
    stepDown: fail,
    suspend: fail,
    resume: () => {},
    follow: () => {},
  })
  const tookMs = performance.now() - beganMs
  const end = async (): Promise<void> => {
    await reign.endWritten()
    await recovery.close()
  }
  return { reign, figures, tookMs, end }
}

async function registered(folder: string, inFlight: number) {
  let answers = 0
  let next = 0
  let done: (() => void) | undefined
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const register = (): void => {
    const message = registrations[next]
    if (message === undefined) return
    next += 1
    leading.reign.add(InboxKind.MESSAGE, sessionOf(SessionSource.CONTROL, next), message)
  }
  const leading = await lead(folder, () => {
    answers += 1
    if (answers === WORKERS) done?.()
    else register()
  })
  for (let at = 1; at <= WORKERS; at += 1)
    leading.reign.add(InboxKind.CONNECTED, sessionOf(SessionSource.CONTROL, at), '10.1.0.1')
  const before = process.cpuUsage()
  const beganMs = performance.now()
  for (let at = 0; at < inFlight; at += 1) register()
  await all
  const tookMs = performance.now() - beganMs
  const { user, system } = process.cpuUsage(before)
  await leading.end()
  const { commitP50Ms, commitP99Ms } = leading.figures.read('FILESYSTEM')
  const perSecond = (WORKERS / tookMs) * 1000
  return { perSecond, cpuUs: (user + system) / WORKERS, commitP50Ms, commitP99Ms }
}

export async function durable(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const inFlight of IN_FLIGHT) {
    const rounds: Awaited<ReturnType<typeof registered>>[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const place = mkdtempSync(join(tmpdir(), 'magneto-bench-durable-'))
      rounds.push(await registered(place, inFlight))
      if (inFlight === IN_FLIGHT.at(-1) && round === ROUNDS - 1) {
        const again = await lead(place, () => {})
        await again.end()
        figures.push({
          name: `leading again with ${WORKERS} workers`,
          value: again.tookMs,
          unit: 'ms',
          note: 'FILESYSTEM: the journal read, every record checked, one step of the core',
        })
      }
      rmSync(place, { recursive: true })
    }
    const of = (what: (round: (typeof rounds)[number]) => number): number =>
      median(rounds.map(what))
    const commits = `commits p50 ${of((r) => r.commitP50Ms)} ms, p99 ${of((r) => r.commitP99Ms)} ms`
    figures.push({
      name: `durable registrations, ${inFlight} at once`,
      value: of(({ perSecond }) => perSecond),
      unit: '/s',
      note: `median of ${ROUNDS}; FILESYSTEM, core and store without the network; ${of((r) => r.cpuUs).toFixed(1)} us of processor each; ${commits}`,
    })
  }
  return figures
}
