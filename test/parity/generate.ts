/** Random histories from a seed: registrations, applications of every shape, failures, losses, ends. */
import { Random } from '../sim/random.js'
import type { Player } from './player.js'
import { World } from './random-world.js'
import type { KnownApp } from './random-world.js'
import { parseRow } from './row.js'
import type { Row } from './row.js'
import type { Settings } from './settings.js'

const WORKER_COUNTS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 50]
const WORKER_CORES = [1, 2, 4, 4, 6, 8, 16]
const WORKER_MEMORIES_MB = [512, 1024, 2048, 4096, 4096, 8192, 16_384]
const EXECUTOR_CORES = [0, 1, 1, 2, 2, 3, 4]
const EXECUTOR_MEMORIES_MB = [256, 512, 1024, 1024, 1500, 3000]
const MAX_GPUS = 12
const MAX_APPS = 8
const MAX_PROFILE_ID = 3
const ACTIONS = 40

type Maker = (random: Random, world: World) => string | null

function shape(random: Random): string {
  const cores = random.chance(0.3) ? 0 : random.pick(EXECUTOR_CORES)
  const memoryMb = random.chance(0.3) ? 0 : random.pick(EXECUTOR_MEMORIES_MB)
  const gpus = random.chance(0.2) ? random.between(1, 2) : 0
  return `${cores}:${memoryMb}:${gpus}`
}

function pickName<Value>(random: Random, known: ReadonlyMap<string, Value>): string | null {
  return known.size === 0 ? null : random.pick([...known.keys()])
}

function workerShape(random: Random): string {
  const gpus = random.chance(0.3)
    ? ` gpu=${Array.from({ length: random.between(1, MAX_GPUS) }, (_, index) => index).join(',')}`
    : ''
  return `cores=${random.pick(WORKER_CORES)} mem=${random.pick(WORKER_MEMORIES_MB)}${gpus}`
}

const newWorker: Maker = (random, world) => `worker ${world.next('w')} ${workerShape(random)}`

/** At the address of one that is known, alive or lost. */
const sameAddress: Maker = (random, world) => {
  const known = pickName(random, random.chance(0.5) ? world.lost : world.workers)
  return known === null ? null : `worker ${world.next('w')} host=h-${known} ${workerShape(random)}`
}

const againWorker: Maker = (random, world) => {
  const name = pickName(random, random.chance(0.8) ? world.lost : world.workers)
  return name === null ? null : `worker ${name} ${workerShape(random)}`
}

const newApp: Maker = (random, world) => {
  if (world.apps.size >= MAX_APPS) return null
  const cores = random.pick(EXECUTOR_CORES)
  const options = [
    cores === 0 ? '' : ` cores=${cores}`,
    ` mem=${random.pick(EXECUTOR_MEMORIES_MB)}`,
    random.chance(0.6) ? ` max=${random.between(0, 40)}` : '',
    random.chance(0.4) ? ` limit=${random.between(0, 6)}` : '',
    random.chance(0.2) ? ` gpu=${random.between(1, 2)}` : '',
  ]
  return `app ${world.next('a')}${options.join('')}`
}

/** A profile keeps the shape that it was first asked for with; saying another one changes nothing. */
function target(random: Random, app: KnownApp): string {
  const id = random.between(0, MAX_PROFILE_ID)
  const total = random.between(0, 6)
  if (id === 0) return random.chance(0.9) ? `0=${total}` : `0=${total}:${shape(random)}`
  const known = random.chance(0.1) ? undefined : app.shapes.get(id)
  const chosen = known ?? shape(random)
  if (!app.shapes.has(id)) app.shapes.set(id, chosen)
  return `${id}=${total}:${chosen}`
}

const requestExecutors: Maker = (random, world) => {
  const name = pickName(random, world.apps)
  const app = world.apps.get(name ?? '')
  if (app === undefined) return null
  if (app.targets.length > 0 && random.chance(0.2))
    return `request ${name} ${app.targets.join(' ')}`
  app.targets = Array.from({ length: random.between(1, 3) }, () => target(random, app))
  return `request ${name} ${app.targets.join(' ')}`
}

const killExecutors: Maker = (random, world) => {
  const name = pickName(random, world.apps)
  if (name === null) return null
  const ids = world.executorsOf(name).map((executor) => executor.name.split('/')[1]!)
  const chosen = ids.filter(() => random.chance(0.3))
  if (random.chance(0.1)) chosen.push('999')
  if (random.chance(0.05)) chosen.push('none')
  return `kill ${name} ${chosen.join(' ')}`
}

const runs: Maker = (random, world) => {
  const launching = [...world.executors.values()].filter(({ running }) => !running)
  if (launching.length === 0) return null
  const { name, worker } = random.pick(launching)
  return `state ${worker} ${name} RUNNING`
}

const exits: Maker = (random, world) => {
  const executor = world.executors.get(pickName(random, world.executors) ?? '')
  if (executor === undefined) return null
  const { worker, name } = executor
  const how = random.pick(['EXITED exit=0', 'EXITED exit=1', 'EXITED', 'FAILED', 'KILLED', 'LOST'])
  return `state ${worker} ${name} ${how}`
}

/** The same application's executors fail one after the other, up to the limit. */
const fails: Maker = (random, world) => {
  const app = [...world.apps.keys()][0]
  const executor = app === undefined ? undefined : world.executorsOf(app)[0]
  if (executor === undefined) return null
  return `state ${executor.worker} ${executor.name} ${random.pick(['FAILED', 'EXITED exit=9'])}`
}

const dies: Maker = (random, world) => {
  const executor = world.dying.get(pickName(random, world.dying) ?? '')
  if (executor === undefined || !world.workers.has(executor.worker)) return null
  return `state ${executor.worker} ${executor.name} KILLED exit=143`
}

const latestState: Maker = (random, world) => {
  const worker = pickName(random, world.workers)
  if (worker === null) return null
  const known = world.executorsOn(worker).map(({ name }) => name)
  for (const driver of world.drivers.values()) if (driver.worker === worker) known.push(driver.name)
  if (random.chance(0.4)) known.push(`${pickName(random, world.apps) ?? 'gone'}/998`)
  if (random.chance(0.1)) known.push('nobody')
  return `latest ${worker} ${known.join(' ')}`
}

const beats: Maker = (random, world) => {
  const name = pickName(random, random.chance(0.5) ? world.lost : world.workers)
  return name === null ? null : `beat ${name}`
}

const dropWorker: Maker = (random, world) => {
  const name = pickName(random, world.workers)
  return name === null || !world.mayBeLost(name) ? null : `drop ${name}`
}

const endApp: Maker = (random, world) => {
  const name = pickName(random, world.apps)
  return name === null
    ? null
    : `${random.pick(['unregister', 'unregister', 'drop', 'drop', 'webkill'])} ${name}`
}

const newDriver: Maker = (random, world) => {
  const options = [
    ` cores=${random.between(1, 4)}`,
    ` mem=${random.pick(EXECUTOR_MEMORIES_MB)}`,
    random.chance(0.5) ? ' supervise=true' : '',
    random.chance(0.2) ? ` gpu=${random.between(1, 2)}` : '',
  ]
  return `submit ${world.next('d')}${options.join('')}`
}

const killDriver: Maker = (random, world) => {
  if (random.chance(0.1)) return random.pick(['killdriver nobody', 'killdrivers'])
  const name = pickName(random, world.drivers)
  return name === null ? null : `killdriver ${name}`
}

const driverEnds: Maker = (random, world) => {
  const running = [...world.drivers.values()].filter(({ worker }) => worker !== null)
  if (running.length === 0) return null
  const { name, worker } = random.pick(running)
  return `driverstate ${worker} ${name} ${random.pick(['FINISHED', 'FAILED', 'KILLED', 'ERROR'])}`
}

const driverStatus: Maker = (random, world) =>
  `status ${pickName(random, world.drivers) ?? random.pick(['d1', 'nobody'])}`

const workerLeaves: Maker = (random, world) => {
  const name = pickName(random, world.workers)
  return name === null ? null : `decommissioning ${name}`
}

const decommission: Maker = (random, world) => {
  const name = pickName(random, random.chance(0.9) ? world.workers : world.lost)
  return name === null ? null : `decommission ${random.chance(0.5) ? 'h' : 'H'}-${name}`
}

const WEIGHTED: readonly (readonly [number, Maker])[] = [
  [6, newWorker],
  [1, sameAddress],
  [4, againWorker],
  [7, newApp],
  [16, requestExecutors],
  [8, killExecutors],
  [10, runs],
  [12, exits],
  [6, fails],
  [4, dies],
  [3, latestState],
  [2, beats],
  [5, dropWorker],
  [4, endApp],
  [5, newDriver],
  [2, killDriver],
  [3, driverEnds],
  [1, driverStatus],
  [2, workerLeaves],
  [2, decommission],
]

function makeRow(random: Random, world: World): Row {
  const sum = WEIGHTED.reduce((total, [weight]) => total + weight, 0)
  for (;;) {
    let left = random.next() * sum
    const [, make] = WEIGHTED.find(([weight]) => (left -= weight) < 0) ?? WEIGHTED[0]!
    const text = make(random, world)
    if (text !== null) return parseRow(text)
  }
}

/** @param magneto is reset, and has played the history in the end: it tells which executors there are */
export async function generate(seed: number, settings: Settings, magneto: Player): Promise<Row[]> {
  const random = new Random(seed)
  const world = new World()
  await magneto.reset(settings)
  const rows: Row[] = []
  const add = async (row: Row): Promise<void> => {
    rows.push(row)
    world.take(row, await magneto.play(row))
  }
  const workers = random.pick(WORKER_COUNTS)
  for (let count = 0; count < workers; count++) await add(parseRow(newWorker(random, world)!))
  for (let count = 0; count < ACTIONS; count++) await add(makeRow(random, world))
  return rows
}
