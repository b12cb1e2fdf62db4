/** What every part of a simulation shares. */
import type { WorkerMachine, WorkerSettings } from '../../src/worker/state.js'
import type { Clock } from './clock.js'
import type { Coverage } from './coverage.js'
import type { Ledger } from './ledger.js'
import type { SimulatedMaster } from './master.js'
import type { Random } from './random.js'
import type { Trace } from './trace.js'

export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly ledger: Ledger
  readonly coverage: Coverage
  readonly master: SimulatedMaster
  /** The real machine, or a broken one that the simulator has to notice. */
  readonly makeWorker: (settings: WorkerSettings) => WorkerMachine
  /** What an Apache worker does wrong, to show that the simulator notices. */
  readonly apacheFault: ApacheFault | null
  /** How often an executor or a driver can't be started. */
  readonly startFailureRate: number
  /** ms: longest delay of a message on a connection of this seed. */
  readonly delayMaxMs: number
  /** No faults from now on: the cluster must come to rest. */
  calm: boolean
}

export type ApacheFault = 'ignores launches of executors' | 'keeps drivers that it should kill'
