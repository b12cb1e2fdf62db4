/** What every part of a simulation shares. */
import type { WorkerMachine, WorkerSettings } from '../../src/worker/state.js'
import type { Clock } from './clock.js'
import type { Ledger } from './ledger.js'
import type { SimulatedMaster } from './master.js'
import type { Random } from './random.js'
import type { Trace } from './trace.js'

export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly ledger: Ledger
  readonly master: SimulatedMaster
  /** The real machine, or a broken one that the simulator has to notice. */
  readonly makeWorker: (settings: WorkerSettings) => WorkerMachine
  /** How often an executor can't be started. */
  readonly startFailureRate: number
  /** No faults from now on: the cluster must come to rest. */
  calm: boolean
}
