/** A whole cluster from one seed: real core, real worker machines, fake everything else. */
import { CoreConfigT } from '../../src/schema/magneto.js'
import type { MasterCore } from '../../src/core/native.js'
import { WorkerMachine, type WorkerSettings } from '../../src/worker/state.js'
import { ApacheHost } from './apache-worker.js'
import { Chaos } from './chaos.js'
import { Clock } from './clock.js'
import { Coverage } from './coverage.js'
import { Ledger, Violation } from './ledger.js'
import { SimulatedMaster } from './master.js'
import { Random } from './random.js'
import { unrest } from './rest.js'
import { Trace } from './trace.js'
import type { ApacheFault, World } from './world.js'

const startMs = Date.UTC(2026, 10, 21, 5, 0, 0)
const rounds = 3
const chaosMaxMs = 90_000
const sliceMs = 15_000
/** Longest time to come to rest: vanished peers, worker timeouts and slow registration in a row. */
const restMaxMs = 1_800_000
const unlimited = 2 ** 31 - 1

export interface Options {
  readonly trace?: boolean
  /** Broken parts, to show that the simulator notices. */
  readonly makeWorker?: (settings: WorkerSettings) => WorkerMachine
  readonly core?: (config: Uint8Array) => MasterCore
  readonly apacheFault?: ApacheFault
}

export interface Outcome {
  readonly seed: number
  readonly steps: number
  readonly coverage: Coverage
  /** null: every property held. */
  readonly violation: string | null
  readonly trace: readonly string[]
}

function coreConfig(random: Random): CoreConfigT {
  const config = new CoreConfigT('spark://master:7077', 'http://master:8080', 20_000)
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
  config.standby = random.chance(0.2)
  config.seed = BigInt(random.between(0, 2 ** 31))
  return config
}

class Simulation {
  readonly #clock = new Clock(startMs)
  readonly #random: Random
  readonly trace: Trace
  readonly coverage = new Coverage()
  readonly #world: World
  readonly #config: CoreConfigT
  readonly #chaos: Chaos

  constructor(seed: number, options: Options) {
    const clock = this.#clock
    const { coverage } = this
    const random = new Random(seed)
    this.#random = random
    const trace = new Trace(options.trace ?? false, () => clock.nowMs)
    this.trace = trace
    this.#config = coreConfig(random)
    const ledger = new Ledger(coverage, clock, this.#config.workerTimeoutMs)
    const master = new SimulatedMaster({
      clock,
      random,
      trace,
      coverage,
      witness: ledger,
      config: this.#config,
      timerLateMaxMs: random.pick([0, 0, 50, 3_000]),
      ...(options.core === undefined ? {} : { core: options.core }),
    })
    this.#world = {
      clock,
      random,
      trace,
      ledger,
      coverage,
      master,
      makeWorker: options.makeWorker ?? ((settings) => new WorkerMachine(settings)),
      apacheFault: options.apacheFault ?? null,
      startFailureRate: random.pick([0, 0, 0.1, 0.5, 1]),
      delayMaxMs: random.pick([60, 60, 60, 2_000]),
      calm: false,
    }
    this.#chaos = new Chaos(this.#world)
  }

  get steps(): number {
    return this.#world.master.steps
  }

  run(): void {
    for (const host of this.#chaos.hosts) {
      this.#clock.after(this.#random.between(0, 5_000), () => host.boot())
    }
    if (this.#config.standby) {
      this.#clock.after(this.#random.between(0, 30_000), () => this.#world.master.elect())
    }
    for (let round = 0; round < rounds; round += 1) {
      this.#world.calm = false
      const untilMs = this.#clock.nowMs + this.#random.between(chaosMaxMs / 4, chaosMaxMs)
      this.#chaos.run(untilMs)
      this.#clock.runUntil(untilMs)
      this.#comeToRest()
    }
    this.trace.add('simulator', () => 'every application ends')
    for (const application of this.#chaos.live()) application.finish()
    this.#comeToRest()
    const left = this.#world.master.view().activeApplications.length
    if (left > 0) throw new Violation(`${left} applications are left after all have ended`)
  }

  // Rest must last: a second look a while later has to find the same.
  #comeToRest(): void {
    this.#world.calm = true
    this.trace.add('simulator', () => 'no faults from now on')
    for (const host of this.#chaos.hosts) host.setHealthy(true)
    const deadlineMs = this.#clock.nowMs + restMaxMs
    let quiet = 0
    for (;;) {
      this.#stopUnheard()
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

  #unrest(): string[] {
    const { master, ledger } = this.#world
    const { hosts, applications, clients } = this.#chaos
    return unrest({
      view: master.view(),
      storedKeys: master.storedKeys(),
      heldBytes: master.heldBytes,
      config: this.#config,
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
