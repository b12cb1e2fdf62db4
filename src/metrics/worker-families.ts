/** What a worker's main thread counts (worker-recorder.ts), and what its lists show. */
import { DELAY } from './buckets.js'
import { labels, type Family, type RecordedFamily, type Sampled } from './family.js'
import type { WorkerLoad } from './spark-sources.js'

const BYTES_PER_MB = 2 ** 20

export const WORKER_FAMILIES: readonly RecordedFamily[] = [
  {
    name: 'magneto_executor_start_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: "From the master's order until the process of the executor is what it is to be.",
    bounds: DELAY,
  },
  {
    name: 'magneto_executor_ends_total',
    type: 'counter',
    help: 'Executors that have ended, or could not be started.',
    label: { name: 'end', values: ['exited', 'failed'] },
  },
  {
    name: 'magneto_driver_ends_total',
    type: 'counter',
    help: 'Drivers that have ended, or could not be started.',
    label: { name: 'end', values: ['exited', 'failed'] },
  },
  {
    name: 'magneto_heartbeats_sent_total',
    type: 'counter',
    help: 'Heartbeats to the master.',
  },
  {
    name: 'magneto_messages_sent_total',
    type: 'counter',
    help: 'Messages to the master.',
  },
  {
    name: 'magneto_messages_received_total',
    type: 'counter',
    help: 'Messages of the master.',
  },
  {
    name: 'magneto_registrations_total',
    type: 'counter',
    help: 'How often a master has taken this worker in.',
  },
  {
    name: 'magneto_master_losses_total',
    type: 'counter',
    help: 'How often the link to a master has ended.',
  },
  {
    name: 'magneto_event_loop_delay_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'How late a timer of the main thread came, four times a second.',
    bounds: DELAY,
  },
]

/** By the state of executors: how many there are. */
export type ExecutorCounts = Readonly<Record<'LAUNCHING' | 'RUNNING', number>>

function gauge(name: string, help: string, value: number, unit?: 'bytes'): Sampled {
  const family: Family = { name, type: 'gauge', help, ...(unit === undefined ? {} : { unit }) }
  return { family, samples: [['', value]] }
}

export function loadFamilies(load: WorkerLoad, executors: ExecutorCounts): Sampled[] {
  return [
    {
      family: { name: 'magneto_executors', type: 'gauge', help: 'Executors here, by state.' },
      samples: Object.entries(executors).map(([state, count]) => [labels({ state }), count]),
    },
    gauge('magneto_cores', 'Cores that this worker offers.', load.cores),
    gauge('magneto_cores_used', 'Cores that executors and drivers have.', load.coresUsed),
    gauge(
      'magneto_memory_bytes',
      'Memory that this worker offers.',
      load.memoryMb * BYTES_PER_MB,
      'bytes',
    ),
    gauge(
      'magneto_memory_used_bytes',
      'Memory that executors and drivers have.',
      load.memoryUsedMb * BYTES_PER_MB,
      'bytes',
    ),
  ]
}
