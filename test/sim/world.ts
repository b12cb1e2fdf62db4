/** What every part of a simulation shares. */
import type { WorkerMachine, WorkerSettings } from '../../src/worker/state.js'
import type { Clock } from './clock.js'
import type { Coverage } from './coverage.js'
import type { Ensemble } from './ensemble.js'
import type { Ledger } from './ledger.js'
import type { SimulatedMaster } from './master.js'
import type { Random } from './random.js'
import type { Disk } from './store.js'
import type { Trace } from './trace.js'

/**
 * `lasting`: one master that never ends. `restarted`: one that is killed and started again on its disk. `elected`: several with
 * ZooKeeper, of which one leads.
 */
export type Kind = 'lasting' | 'restarted' | 'elected'

const kinds: readonly Kind[] = ['lasting', 'restarted', 'elected']

/** Where nobody says which. */
export function kindOf(seed: number): Kind {
  return kinds[seed % kinds.length] as Kind
}

export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly ledger: Ledger
  readonly coverage: Coverage
  readonly kind: Kind
  readonly masters: readonly SimulatedMaster[]
  /** What a single master keeps its records on. */
  readonly disk: Disk
  /** What several masters keep theirs in. */
  readonly ensemble: Ensemble
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
