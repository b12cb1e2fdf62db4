/**
 * The process that plays the peers of a master: one scenario, told what to do by its harness and nothing else, so that
 * its own processor time can be told from the master's and from the harness's.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds, isBusy, machineBusySeconds, residentBytes } from '../processes.js'
import { controlScenarios } from './control/index.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from './scenario.js'
import { scenarios } from './scenarios/index.js'

export type Order =
  | {
      readonly what: 'prepare'
      readonly scenario: string
      readonly master: MasterUnderTest
      readonly size: ScenarioSize
    }
  /** When the master dies meanwhile, its harness knows what the next one has used. */
  | { readonly what: 'run'; readonly masterDies: boolean }
  | { readonly what: 'close' }

/** One run, with what the master has used until it had nothing left to do, and the generator until it had seen all. */
export interface Run {
  readonly observed: Observed
  readonly masterCpuSeconds: number
  readonly generatorCpuSeconds: number
  /** Of all processors of the machine, what neither of the two has used meanwhile: from 0 to 1. null: it is not known. */
  readonly othersShare: number | null
  /** Of the master, in bytes, before and after it. */
  readonly residentBefore: number
  readonly residentAfter: number
}

export type Answer = { readonly run: Run | null } | { readonly failed: string }

const settleStepMs = 10
/** One look may fall between two messages. */
const restingLooks = 20
const settleWithinMs = 10_000

/** Returns when the master rests: what was asked of it last may still keep it busy, and belongs to who asked. */
async function settled(pid: number): Promise<void> {
  const deadline = performance.now() + settleWithinMs
  for (let resting = 0; resting < restingLooks && performance.now() < deadline;) {
    await delay(settleStepMs)
    resting = isBusy(pid) ? 0 : resting + 1
  }
}

/** What is told of a master that dies meanwhile is nothing. */
async function endured(scenario: Scenario): Promise<Run> {
  const before = process.cpuUsage()
  const observed = await scenario.run()
  const { user, system } = process.cpuUsage(before)
  const generatorCpuSeconds = (user + system) / 1e6
  return {
    observed,
    generatorCpuSeconds,
    masterCpuSeconds: 0,
    othersShare: null,
    residentBefore: 0,
    residentAfter: 0,
  }
}

async function sampled(scenario: Scenario, pid: number): Promise<Run> {
  const before = {
    atMs: performance.now(),
    bytes: residentBytes(pid),
    master: cpuSeconds(pid),
    own: process.cpuUsage(),
    machine: machineBusySeconds(),
  }
  const observed = await scenario.run()
  const own = process.cpuUsage(before.own)
  const both = cpuSeconds(pid) - before.master + (own.user + own.system) / 1e6
  const others = machineBusySeconds() - before.machine - both
  const capacity = ((performance.now() - before.atMs) / 1000) * availableParallelism()
  await settled(pid)
  return {
    observed,
    masterCpuSeconds: cpuSeconds(pid) - before.master,
    generatorCpuSeconds: (own.user + own.system) / 1e6,
    othersShare: Math.max(others / capacity, 0),
    residentBefore: before.bytes,
    residentAfter: residentBytes(pid),
  }
}

const all: Readonly<Record<string, () => Scenario>> = { ...scenarios, ...controlScenarios }
let playing: { readonly scenario: Scenario; readonly master: MasterUnderTest } | null = null
let hasRun = false

async function obey(order: Order): Promise<Run | null> {
  if (order.what === 'prepare') {
    const make = all[order.scenario]
    if (make === undefined) {
      const known = Object.keys(all).join(', ')
      throw new Error(`no scenario '${order.scenario}'; there are ${known}`)
    }
    playing = { scenario: make(), master: order.master }
    await playing.scenario.prepare(order.master, order.size)
    await settled(order.master.pid)
    return null
  }
  if (playing === null) throw new Error(`'${order.what}' came before 'prepare'`)
  const { scenario, master } = playing
  if (order.what === 'close') {
    await scenario.close()
    return null
  }
  if (hasRun) await scenario.reset?.()
  hasRun = true
  if (order.masterDies) return endured(scenario)
  await settled(master.pid)
  return sampled(scenario, master.pid)
}

function tell(answer: Answer): void {
  process.send!(answer)
}

process.on('message', (order: Order) => {
  obey(order).then(
    (run) => tell({ run }),
    (error: unknown) => tell({ failed: error instanceof Error ? error.message : String(error) }),
  )
})
// Without its harness it has nothing to do, whatever links it still holds.
process.on('disconnect', () => process.exit())
