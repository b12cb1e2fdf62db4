/** `magneto workers`: the workers of the cluster. */
import { flagHelp, parseArguments } from '../../conf/flags.js'
import { durationText, memoryText } from '../../http/figures.js'
import type { WorkerState } from '../../schema/magneto.js'
import type { WorkerItem } from './api.js'
import { askingOf, noPositionals, type Client } from './client.js'
import { ExitStatus, LOOK_STATUS_HELP } from './exit-status.js'
import { listingFlags, listingOf, printList, type Shown } from './listing.js'
import { cellText } from './text-width.js'

/** Spark's; of the schema's only the type is loaded. */
const STATES: Readonly<Record<keyof typeof WorkerState, true>> = {
  ALIVE: true,
  DEAD: true,
  DECOMMISSIONED: true,
  UNKNOWN: true,
}

const FLAGS = listingFlags({
  all: 'However many there are',
  states: Object.keys(STATES),
  keys: ['id', 'address', 'state', 'cores', 'memory', 'runtimes'],
  parts: ['full', 'idle', 'unhealthy'],
})

export const WORKERS_HELP = `Usage: magneto workers [options]

Lists the workers of the cluster:
  CORES, MEMORY, RESOURCES  what of it is used, and all of it
  SEEN                      how long ago it was heard of
  REMARK                    why it gets nothing new: it is full, or not healthy

Options:
${flagHelp(FLAGS)}
${LOOK_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused */
export async function workers(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, FLAGS, 'magneto workers')
  if (parsed.flags.has('--help')) {
    client.stderr(WORKERS_HELP)
    return ExitStatus.DONE
  }
  noPositionals(parsed)
  const listing = listingOf(parsed, Object.keys(STATES))
  const { api } = askingOf(client, parsed)
  const web = await api.ask(async (leader) => leader)
  await printList({ client, web, name: 'workers' }, listing, WORKERS)
  return ExitStatus.DONE
}

function remarkOf({ state, unhealthyReason, ...worker }: WorkerItem): string {
  if (unhealthyReason !== null) return `not healthy: ${cellText(unhealthyReason)}`
  const isFull = worker.coresUsed >= worker.cores || worker.memoryUsedMb >= worker.memoryMb
  return state === 'ALIVE' && isFull ? 'full' : '-'
}

function resourcesOf({ resources }: WorkerItem): string {
  const all = Object.entries(resources).map(
    ([name, { total, used }]) => `${cellText(name)} ${used}/${total}`,
  )
  return all.length === 0 ? '-' : all.join(', ')
}

/** As `top` shows them too. */
export const WORKERS: Shown<WorkerItem> = {
  columns: [
    { title: 'WORKER' },
    { title: 'STATE' },
    { title: 'CORES', align: 'right' },
    { title: 'MEMORY', align: 'right' },
    { title: 'RESOURCES', least: 9 },
    { title: 'SEEN', align: 'right' },
    { title: 'RUNTIMES', least: 8 },
    { title: 'REMARK', least: 8 },
  ],
  row: (worker, nowMs) => [
    cellText(worker.id),
    cellText(worker.state),
    `${worker.coresUsed}/${worker.cores}`,
    `${memoryText(worker.memoryUsedMb)}/${memoryText(worker.memoryMb)}`,
    resourcesOf(worker),
    // Its clock and the master's word may cross.
    durationText(Math.max(0, nowMs - worker.lastHeartbeatMs)),
    cellText(worker.runtimes.join(', ')) || '-',
    remarkOf(worker),
  ],
}
