/** What must hold once the masters are left alone: every promise is kept, and nothing is left over. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DriverState } from '../../src/schema/magneto.js'
import type { Job } from './history.js'
import type { Load } from './load.js'
import type { MasterProcess } from './master-process.js'

const pollMs = 100

interface ClusterJson {
  status: string
  coresused: number
  workers: { id: string; state: string; coresused: number }[]
  activeapps: { id: string }[]
  completedapps: { id: string }[]
  activedrivers: { id: string }[]
}

async function json({ webUi }: MasterProcess): Promise<ClusterJson | null> {
  try {
    const answer = await fetch(`${webUi}/json/`)
    return answer.ok ? ((await answer.json()) as ClusterJson) : null
  } catch {
    return null
  }
}

/** What is wrong with how a job that was accepted has ended, by what its programs did; null: nothing. */
function wrongEnd(job: Job, found: boolean, state: DriverState): string | null {
  const { id, lives, jarUrl, killAsked, killAcknowledged } = job
  if (!found) return `${id} (${jarUrl}) was accepted, and nobody knows it`
  const ends = lives.map(({ how }) => how)
  const name = DriverState[state]
  const of = `${id} (${jarUrl}; it ${ends.join(', ') || 'never ran'}) is ${name}`
  if (killAcknowledged && state === DriverState.RUNNING) return `${of}, and was killed`
  const may = new Set<DriverState>()
  // Its first life: those after it have ids of their own.
  const first = lives.find(({ driverId }) => driverId === id)
  const { FINISHED, FAILED, KILLED, ERROR, RELAUNCHING } = DriverState
  if (killAsked) may.add(KILLED)
  const as = { finished: FINISHED, failed: FAILED, killed: KILLED }
  for (const end of [first?.how, first?.unsure]) {
    if (end === 'finished' || end === 'failed' || end === 'killed') may.add(as[end])
  }
  // The order may have been lost with the worker or with the master.
  if (first === undefined || first.how === 'lost') may.add(job.supervise ? RELAUNCHING : ERROR)
  return may.has(state) ? null : of
}

/** Drivers: each that was accepted has an end, and the right one. @returns what does not hold yet */
export async function driversLeft(load: Load, ids: Map<string, DriverState>): Promise<string[]> {
  const left: string[] = []
  const open = [...load.history.jobs.values()].filter(({ id }) => id !== null && !ids.has(id))
  await Promise.all(
    open.map(async (job) => {
      const answers = await Promise.all(
        load.submitters.map((submitter) => submitter.status(String(job.id))),
      )
      const answer = answers.find((each) => each !== null && !each.exception?.startsWith('Current'))
      if (answer === null || answer === undefined) return left.push(`nobody answers for ${job.id}`)
      const { found, state } = answer
      const { SUBMITTED, RUNNING, UNKNOWN } = DriverState
      if (found && [SUBMITTED, RUNNING, UNKNOWN].includes(state)) {
        return left.push(`${job.id} is ${DriverState[state]}`)
      }
      const wrong = wrongEnd(job, found, state)
      if (wrong !== null) load.history.violated(wrong)
      return ids.set(String(job.id), state)
    }),
  )
  for (const { lives, jarUrl, killAcknowledged } of load.history.jobs.values()) {
    const running = lives.filter(({ how }) => how === 'runs').length
    if (running > 1) left.push(`${jarUrl} runs ${running} times`)
    if (running > 0 && killAcknowledged) left.push(`${jarUrl} was killed and runs`)
  }
  return left
}

function* different(
  name: string,
  one: Iterable<string>,
  other: Iterable<string>,
): Generator<string> {
  const [ours, theirs] = [new Set(one), new Set(other)]
  for (const each of ours) if (!theirs.has(each)) yield `the master has no ${name} ${each}`
  for (const each of theirs)
    if (!ours.has(each)) yield `the master has ${name} ${each}, nobody else`
}

/** Workers, applications and executors as they are against what the leader lists. @returns what does not hold yet */
export async function clusterLeft(load: Load, leader: MasterProcess): Promise<string[]> {
  const state = await json(leader)
  if (state === null) return ['the leader shows nothing']
  // One that has lost its mandate meanwhile shows nothing else.
  if (state.status !== 'ALIVE') return [`the leader is ${state.status}`]
  const left: string[] = []
  const alive = state.workers.filter((worker) => worker.state === 'ALIVE')
  left.push(
    ...different(
      'worker',
      load.workers.map(({ id }) => id),
      alive.map(({ id }) => id),
    ),
  )
  for (const worker of load.workers) {
    const taken = worker.executors.size + worker.drivers.size
    const listed = alive.find(({ id }) => id === worker.id)?.coresused
    if (listed !== taken) left.push(`${worker.id} runs ${taken} programs, ${listed} are listed`)
    if (worker.unconfirmed > 0) left.push(`${worker.id} has ${worker.unconfirmed} reports left`)
  }
  const live = [...load.applications].filter(({ over }) => !over)
  for (const { promised, settled, executors, trace } of live) {
    const { id, name, target } = promised
    if (id === null) left.push(`${name} was never registered`)
    if (!settled) left.push(`${name} waits for an answer`)
    const running = load.workers.flatMap((worker) =>
      [...worker.executors.keys()].filter((key) => key.startsWith(`${id}/`)),
    )
    // Nothing that runs is killed since less is asked for.
    if (running.length < target) left.push(`${id} has ${running.length} executors of ${target}`)
    const believed = [...executors].map((executor) => `${id}/${executor}`)
    const odd = [...different(`executor of ${id},`, running, believed)]
    left.push(...odd.map((line) => `${line}; it heard:\n${trace.join('\n')}\n`))
  }
  left.push(
    ...different(
      'application',
      live.map(({ promised }) => String(promised.id)),
      state.activeapps.map(({ id }) => id),
    ),
  )
  const ended = new Set(state.completedapps.map(({ id }) => id))
  for (const { id, mayBeOver } of load.history.applications.values()) {
    const known = id === null || ended.has(id) || !mayBeOver
    if (!known) left.push(`${id} has ended, and nobody remembers it`)
  }
  return left
}

/** Waits until nothing is left. @throws Error with what is, after that time */
export async function settle(look: () => Promise<string[]>, withinMs: number): Promise<void> {
  const untilMs = performance.now() + withinMs
  for (;;) {
    const left = await look()
    if (left.length === 0) return
    if (performance.now() > untilMs) {
      throw new Error(`after ${withinMs} ms: ${left.slice(0, 8).join('; ')}`)
    }
    await sleep(pollMs)
  }
}
