/**
 * What was submitted, promised, launched and ended, so that at rest each driver can be asked for. A job is what
 * a client submits; a driver is one life of it under one id. A jar is named once: it tells the job of a driver.
 */
import {
  DriverState,
  type CoreConfigT,
  type DriverDescriptionT,
  type DriverStateChangedT,
  type DriverStatusResponseT,
  type DriverViewT,
  type LaunchDriverT,
} from '../../src/schema/magneto.js'
import type { Coverage } from './coverage.js'
import { Violation } from './violation.js'
import { addressesOf, type HostFacts } from './process.js'
import type { Kind } from './world.js'

export interface Job {
  readonly jarUrl: string
  readonly supervise: boolean
  readonly cores: number
  readonly memoryMb: number
  readonly gpus: number
  readonly runtimes: readonly string[]
}

interface Known {
  readonly job: Job
  /** A client was told the id of its first life. */
  promised: boolean
  /** The master may have learnt that a life of it came to its end, or was asked to end one. */
  mayBeOver: boolean
  launched: boolean
  /** How often it was started. */
  starts: number
  /** The master acknowledged a kill of a life of it: there may be no other. */
  killed: boolean
}

const terminal = new Set([
  DriverState.FINISHED,
  DriverState.FAILED,
  DriverState.KILLED,
  DriverState.ERROR,
])

/** spark.deploy.retainedDrivers that no history comes up to. */
const manyRetained = 200

export class DriverLedger {
  readonly #coverage: Coverage
  readonly #jobs = new Map<string, Known>()
  readonly #jobOfDriver = new Map<string, Known>()
  readonly #launchedOn = new Map<string, string>()
  /** Kills of these were acknowledged. */
  readonly #killed = new Set<string>()
  readonly #killing = new Set<string>()
  /** What workers told the master of the ends of drivers. */
  readonly #reports = new Map<string, Set<DriverState>>()
  #allKilled = false
  readonly #retained: number
  readonly #kind: Kind
  /** Ids that clients have heard. */
  readonly #promisedIds = new Set<string>()
  /** As what each has ended, as a client has heard. */
  readonly #endOf = new Map<string, DriverState>()
  #cleared = false

  constructor(coverage: Coverage, config: CoreConfigT, kind: Kind) {
    this.#kind = kind
    this.#coverage = coverage
    this.#retained = config.retainedDrivers
  }

  submitting(job: Job): void {
    const known = {
      job,
      promised: false,
      mayBeOver: false,
      launched: false,
      starts: 0,
      killed: false,
    }
    this.#jobs.set(job.jarUrl, known)
  }

  promised(job: Job, driverId: string): void {
    const known = this.#known(job.jarUrl)
    const before = this.#jobOfDriver.get(driverId)
    if (before !== undefined && before !== known) {
      throw new Violation(`driver id ${driverId} was given to two jobs`)
    }
    known.promised = true
    this.#promisedIds.add(driverId)
    this.#jobOfDriver.set(driverId, known)
    if (this.#killing.has(driverId)) known.mayBeOver = true
  }

  /** The master decided where it runs; the order may get lost with its worker. */
  ordered(driverId: string, { jarUrl }: DriverDescriptionT): void {
    const known = this.#known(String(jarUrl))
    this.#jobOfDriver.set(driverId, known)
    if (known.launched) {
      this.#coverage.happened('a supervised driver starts again under a new id')
    }
    known.launched = true
  }

  /** It starts on a host. */
  launched({ driverId, resources }: LaunchDriverT, host: HostFacts): void {
    const id = String(driverId)
    const before = this.#launchedOn.get(id)
    if (before !== undefined) {
      throw new Violation(`driver ${id} was started on ${before} and again on ${host.name}`)
    }
    this.#launchedOn.set(id, host.name)
    const known = this.#jobOfDriver.get(id)
    if (known !== undefined) known.starts += 1
    if (known?.job.supervise === false && known.starts > 1) {
      throw new Violation(`${known.job.jarUrl} was started again as ${id}, and is not supervised`)
    }
    const gpus = known?.job.gpus
    const held = addressesOf(resources)
    if (held.length !== gpus) {
      throw new Violation(`driver ${id} asked for ${gpus} addresses, got [${held.join()}]`)
    }
  }

  /** Its worker told the master of its end; whether the master believes that session is its business. */
  reported({ driverId, state }: DriverStateChangedT): void {
    const id = String(driverId)
    const known = this.#jobOfDriver.get(id)
    if (known === undefined || !terminal.has(state)) return
    known.mayBeOver = true
    this.#reports.set(id, (this.#reports.get(id) ?? new Set()).add(state))
  }

  killing(driverId: string): void {
    this.#killing.add(driverId)
    const known = this.#jobOfDriver.get(driverId)
    if (known !== undefined) known.mayBeOver = true
  }

  killed(driverId: string): void {
    this.#killed.add(driverId)
    const known = this.#jobOfDriver.get(driverId)
    if (known !== undefined) known.killed = true
    const launched = this.#launchedOn.has(driverId)
    this.#coverage.happened(launched ? 'a running driver is killed' : 'a queued driver is killed')
  }

  /** The master was told to end all that it has. */
  killingAll(): void {
    this.#allKilled = true
    for (const known of this.#jobs.values()) known.mayBeOver = true
  }

  /** What has ended may be forgotten. */
  clearing(): void {
    this.#cleared = true
  }

  answered(driverId: string, { found, state, exception }: DriverStatusResponseT): void {
    const known = this.#jobOfDriver.get(driverId)
    if (found && known === undefined) {
      throw new Violation(`${driverId} was found, which is nobody's driver`)
    }
    // A master that stands by knows none; one that was frozen may not know yet that another leads.
    const asksLeader = this.#kind !== 'elected' && !exception?.startsWith('Current state')
    if (!asksLeader || this.#cleared || this.#retained < manyRetained) return
    if (!found && this.#promisedIds.has(driverId)) {
      throw new Violation(`${driverId} was promised to a client, and is not found`)
    }
    const before = this.#endOf.get(driverId)
    if (before !== undefined && found && before !== state) {
      throw new Violation(`${driverId} was ${DriverState[before]} and is ${DriverState[state]}`)
    }
    if (found && terminal.has(state)) this.#endOf.set(driverId, state)
  }

  /** Ids that a client may ask for. */
  ids(): string[] {
    return [...this.#jobOfDriver.keys()]
  }

  jobOf(driver: DriverViewT): Job {
    return this.#known(String(driver.jarUrl)).job
  }

  /** What the master owes its clients, given what waits or runs and what it keeps of the rest. */
  *owed(
    active: readonly DriverViewT[],
    completed: readonly DriverViewT[],
    running: ReadonlySet<string>,
  ): Generator<string> {
    const lives = new Map<string, number>()
    for (const { id, jarUrl } of active) {
      const jar = String(jarUrl)
      lives.set(jar, (lives.get(jar) ?? 0) + 1)
      if (this.#killed.has(String(id))) yield `${id} was killed and is still listed as active`
      else if (this.#known(jar).killed) yield `${jar} was killed and lives on as ${id}`
    }
    for (const [jar, { job, promised, mayBeOver, launched }] of this.#jobs) {
      const living = lives.get(jar) ?? 0
      if (living > 1) yield `${jar} waits or runs ${living} times`
      // Without supervision the loss of its worker ends it.
      const lost = !job.supervise && launched && !running.has(jar)
      if (promised && living === 0 && !mayBeOver && !lost) {
        yield `${jar} is neither waiting nor running, and nothing ended it`
      }
    }
    for (const { id, state, supervise } of completed) {
      if (state === DriverState.RELAUNCHING && !supervise) yield `${id} was relaunched unasked`
      if (!this.#mayEndAs(String(id), state)) yield `${id} is over as ${DriverState[state]}, why?`
    }
  }

  #mayEndAs(id: string, state: DriverState): boolean {
    if (this.#reports.get(id)?.has(state) === true) return true
    switch (state) {
      // Its worker was lost: it need not have started there.
      case DriverState.ERROR:
      case DriverState.RELAUNCHING:
        return this.#jobOfDriver.get(id)?.launched === true
      case DriverState.KILLED:
        return this.#allKilled || this.#killing.has(id)
      default:
        return false
    }
  }

  #known(jarUrl: string): Known {
    const known = this.#jobs.get(jarUrl)
    if (known === undefined) throw new Violation(`${jarUrl} was never submitted`)
    return known
  }
}
