/** A whole cluster from one seed: real core, real worker machines, fake everything else. */
import { CoreConfigT, MasterState } from '../../src/schema/magneto.js'
import type { MasterCore } from '../../src/core/native.js'
import { WorkerMachine, type WorkerSettings } from '../../src/worker/state.js'
import { ApacheHost } from './apache-worker.js'
import { Chaos } from './chaos.js'
import { callPeers } from './callers.js'
import { Clock } from './clock.js'
import { Coverage } from './coverage.js'
import { ElectedRecovery } from './election.js'
import { Ensemble } from './ensemble.js'
import { Ledger } from './ledger.js'
import { Violation } from './violation.js'
import type { Life } from './life.js'
import { SimulatedMaster } from './master.js'
import { Random } from './random.js'
import { SingleRecovery, type SimulatedRecovery } from './recovery.js'
import { unrest } from './rest.js'
import { Disk, noTrouble } from './store.js'
import { Trace } from './trace.js'
import type { ApacheFault, Kind, World } from './world.js'

const startMs = Date.UTC(2026, 10, 21, 5, 0, 0)
const rounds = 3
const chaosMaxMs = 90_000
const sliceMs = 15_000
/** Longest time to come to rest: vanished peers, worker timeouts and slow registration in a row. */
const restMaxMs = 1_800_000
const unlimited = 2 ** 31 - 1

export interface Options {
  /** Absent: `lasting`. */
  readonly kind?: Kind
  readonly trace?: boolean
  /** Broken parts, to show that the simulator notices. */
  readonly makeWorker?: (settings: WorkerSettings) => WorkerMachine
  readonly core?: (config: Uint8Array) => MasterCore
  readonly apacheFault?: ApacheFault
  readonly storeFault?: StoreFault
}

/** What a store or an election does wrong, to show that the simulator notices. */
export type StoreFault =
  | 'says that it is on disk before it is'
  | 'forgets what was asked for'
  | 'forgets some records'
  | 'does not check the epoch'
  | 'decides after its lease'

export interface Outcome {
  readonly seed: number
  readonly steps: number
  readonly coverage: Coverage
  /** null: every property held. */
  readonly violation: string | null
  readonly trace: readonly string[]
}

function coreConfig(random: Random): CoreConfigT {
  const config = new CoreConfigT('', '', 20_000)
  config.deadWorkerPersistence = random.between(0, 2)
  config.maxExecutorRetries = random.pick([-1, 1, 3, 10])
  config.spreadOutApps = random.chance(0.5)
  config.spreadOutDrivers = random.chance(0.5)
  config.workerSelectionPolicy = random.between(0, 4)
  config.defaultCores = random.pick([2, unlimited, unlimited])
  config.maxDrivers = random.pick([1, 3, unlimited, unlimited])
  config.retainedApplications = random.pick([1, 3, 200])
  config.retainedDrivers = random.pick([1, 3, 200])
  config.appNumberModulo = random.pick([0, 0, 1000])
  config.useAppNameAsAppId = random.chance(0.1)
  config.standby = true
  // Each effect is a part: a master may die between any two of a step.
  config.firstPartBytes = 0
  config.recoveryTimeoutMs = random.pick([5_000, 20_000, 60_000])
  config.recoveryGraceMs = random.pick([0, 1_000, 3_000])
  config.seed = BigInt(random.between(0, 2 ** 31))
  return config
}

/** The settings of one of them: alike but for where it is found. */
function configOf(config: CoreConfigT, name: string): CoreConfigT {
  const own = Object.assign(new CoreConfigT(), config)
  own.masterUrl = `spark://${name}:7077`
  own.masterWebUiUrl = `http://${name}:8080`
  return own
}

class Simulation {
  readonly #clock = new Clock(startMs)
  readonly #random: Random
  readonly #kind: Kind
  readonly trace: Trace
  readonly coverage = new Coverage()
  readonly #world: World
  readonly #config: CoreConfigT
  readonly #chaos: Chaos
  readonly #electionMs: number
  #epochs = 0

  constructor(seed: number, options: Options) {
    const clock = this.#clock
    const { coverage } = this
    const { kind = 'lasting' } = options
    const random = new Random(seed)
    this.#kind = kind
    this.#random = random
    const trace = new Trace(options.trace ?? false, () => clock.nowMs)
    this.trace = trace
    this.#config = coreConfig(random)
    this.#electionMs = kind === 'lasting' && random.chance(0.2) ? random.between(0, 30_000) : 0
    const ledger = new Ledger(coverage, clock, this.#config, kind)
    const trouble =
      kind === 'restarted'
        ? { syncFailureRate: random.pick([0, 0, 0.02]), readErrorRate: random.pick([0, 0.3]) }
        : noTrouble
    const fault = options.storeFault
    const disk = new Disk(random, coverage, trouble, fault)
    const ensemble = new Ensemble(clock, random, coverage, fault !== 'does not check the epoch')
    const timerLateMaxMs = random.pick([0, 0, 50, 3_000])
    const counters = new Map()
    const names =
      kind === 'elected' ? ['m1', 'm2', 'm3'].slice(0, random.between(2, 3)) : ['master']
    const masters: readonly SimulatedMaster[] = names.map(
      (name) =>
        new SimulatedMaster({
          name,
          clock,
          random,
          trace,
          coverage,
          counters,
          timerLateMaxMs,
          witness: ledger,
          config: configOf(this.#config, name),
          shelf: kind === 'elected' ? ensemble.shelf : disk.shelf,
          makeRecovery: (life) => this.#recovery(name, life, fault),
          died: () => disk.lose(),
          callPeers: (master, mandate) => callPeers(this.#world, this.#chaos, master, mandate),
          ...(options.core === undefined ? {} : { core: options.core }),
        }),
    )
    this.#world = {
      kind,
      clock,
      random,
      trace,
      ledger,
      coverage,
      masters,
      disk,
      ensemble,
      makeWorker: options.makeWorker ?? ((settings) => new WorkerMachine(settings)),
      apacheFault: options.apacheFault ?? null,
      startFailureRate: random.pick([0, 0, 0.1, 0.5, 1]),
      delayMaxMs: random.pick([60, 60, 60, 2_000]),
      calm: false,
    }
    this.#chaos = new Chaos(this.#world)
  }

  get steps(): number {
    return this.#world.masters.reduce((sum, { steps }) => sum + steps, 0)
  }

  run(): void {
    for (const master of this.#world.masters) master.boot()
    for (const host of this.#chaos.hosts) {
      this.#clock.after(this.#random.between(0, 5_000), () => host.boot())
    }
    for (let round = 0; round < rounds; round += 1) {
      this.#world.calm = false
      this.#world.disk.calm = false
      const untilMs = this.#clock.nowMs + this.#random.between(chaosMaxMs / 4, chaosMaxMs)
      this.#chaos.run(untilMs)
      this.#clock.runUntil(untilMs)
      this.#comeToRest()
    }
    this.trace.add('simulator', () => 'every application ends')
    for (const application of this.#chaos.live()) application.finish()
    this.#comeToRest()
    const left = this.#leader()?.view().activeApplications.length
    if (left !== 0) throw new Violation(`${left} applications are left after all have ended`)
  }

  #recovery(name: string, life: Life, fault: StoreFault | undefined): SimulatedRecovery {
    const { random, coverage, disk, ensemble, masters } = this.#world
    if (this.#kind === 'elected') {
      return new ElectedRecovery({
        name,
        life,
        random,
        coverage,
        ensemble,
        others: () => masters.filter((other) => other.name !== name),
        minds: fault !== 'decides after its lease',
      })
    }
    return new SingleRecovery({
      life,
      random,
      disk,
      electionMs: this.#electionMs,
      early: fault === 'says that it is on disk before it is',
      nextEpoch: () => {
        this.#epochs += 1
        return this.#epochs
      },
    })
  }

  // Rest must last: a second look a while later has to find the same.
  #comeToRest(): void {
    this.#world.calm = true
    this.#world.disk.calm = true
    this.trace.add('simulator', () => 'no faults from now on')
    for (const host of this.#chaos.hosts) host.setHealthy(true)
    const deadlineMs = this.#clock.nowMs + restMaxMs
    let quiet = 0
    for (;;) {
      this.#stopUnheard()
      this.#endForgotten()
      this.#clock.runUntil(this.#clock.nowMs + sliceMs)
      const left = this.#unrest()
      quiet = left.length === 0 ? quiet + 1 : 0
      if (quiet === 2) return
      if (this.#clock.nowMs >= deadlineMs) {
        throw new Violation(`the cluster does not come to rest: ${left.slice(0, 5).join('; ')}`)
      }
    }
  }

  /** Operators end Apache workers that a master may take for able although they leave. */
  #stopUnheard(): void {
    const { ledger } = this.#world
    for (const host of this.#chaos.hosts) {
      if (!(host instanceof ApacheHost) || !host.decommissioned) continue
      if (host.unheard || ledger.cameBack(host.workerId)) host.stop()
    }
  }

  /** Spark's driver waits for ever for a leader to call it, also where none has it any more (L2): its user ends it. */
  #endForgotten(): void {
    const { ledger, kind } = this.#world
    if (kind === 'lasting') return
    for (const application of this.#chaos.live()) {
      const { isSpark, id, registered, demand } = application
      if (!isSpark || id === null || registered) continue
      if (ledger.applications.mayBeOver(demand.name)) application.crash(false)
    }
  }

  #leader(): SimulatedMaster | undefined {
    return this.#world.masters.find(({ leads }) => leads)
  }

  #unrest(): string[] {
    const { masters, ledger, kind, disk, ensemble } = this.#world
    const away = masters.filter(({ up, stopped }) => !up || stopped)
    if (away.length > 0) return away.map(({ name }) => `${name} is away`)
    const leaders = masters.filter(({ leads }) => leads)
    const [leader] = leaders
    if (leader === undefined || leaders.length > 1) return [`${leaders.length} masters lead`]
    const { hosts, applications, clients } = this.#chaos
    const view = leader.view()
    // Until then it waits for peers that may have gone.
    if (view.state !== MasterState.ALIVE) return ['the leader recovers']
    return unrest({
      view,
      storedKeys: (kind === 'elected' ? ensemble.shelf : disk.shelf).keys(),
      heldBytes: leader.heldBytes,
      config: this.#config,
      kind,
      ledger,
      hosts,
      applications,
      clients,
    })
  }
}

/** Never throws: whatever went wrong is the outcome's violation. */
export function simulate(seed: number, options: Options = {}): Outcome {
  const simulation = new Simulation(seed, options)
  let violation: string | null = null
  try {
    simulation.run()
  } catch (error) {
    violation = error instanceof Violation ? error.message : String((error as Error).stack)
  }
  const { steps, coverage, trace } = simulation
  return { seed, steps, coverage, violation, trace: trace.lines }
}
