/** What the master's main thread counts (master-recorder.ts). */
import { DELAY, MICRO, MILLI } from './buckets.js'
import type { RecordedFamily } from './family.js'

/** In the order of SessionSource. */
const source = { name: 'source', values: ['control', 'web', 'gateway'] } as const

export const MASTER_FAMILIES: readonly RecordedFamily[] = [
  {
    name: 'magneto_scheduling_latency_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'From the first input of a batch until what was decided for it has been handed over, or waits for the store.',
    bounds: MICRO,
  },
  {
    name: 'magneto_executor_launch_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'From what caused the order to launch an executor until its worker says that it runs: of the first of each application and of one in 16.',
    bounds: DELAY,
  },
  {
    name: 'magneto_executor_launches_total',
    type: 'counter',
    help: 'Orders to launch an executor.',
  },
  {
    name: 'magneto_heartbeats_total',
    type: 'counter',
    help: 'Heartbeats of workers.',
  },
  {
    name: 'magneto_heartbeat_lateness_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'How much later than asked for the next heartbeat of a worker came; at three quarters of spark.worker.timeout it is lost.',
    bounds: DELAY,
  },
  {
    name: 'magneto_messages_received_total',
    type: 'counter',
    help: 'Messages for the core.',
    label: source,
  },
  {
    name: 'magneto_messages_sent_total',
    type: 'counter',
    help: 'Messages of the core.',
    label: source,
  },
  {
    name: 'magneto_sessions_opened_total',
    type: 'counter',
    help: 'Peers that have connected.',
    label: source,
  },
  {
    name: 'magneto_sessions_closed_total',
    type: 'counter',
    help: 'Peers that have gone.',
    label: source,
  },
  {
    name: 'magneto_store_commit_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'How long commits to the recovery store took.',
    bounds: MILLI,
  },
  {
    name: 'magneto_store_records_total',
    type: 'counter',
    help: 'Records that were written to the recovery store or removed from it.',
  },
  {
    name: 'magneto_store_failures_total',
    type: 'counter',
    help: 'Commits to the recovery store that failed.',
  },
  {
    name: 'magneto_event_loop_delay_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'How late a timer of the main thread came, four times a second.',
    bounds: DELAY,
  },
]
