/** Who takes part in a history besides the workers, and when something happens to whom. */
import type { SessionSource } from '../../src/control/records.js'
import { ResourceT } from '../../src/schema/magneto.js'
import { actionsOf, type Action } from './actions.js'
import { ApacheHost } from './apache-worker.js'
import { SimulatedApplication, type Demand, type ProfileDemand } from './application.js'
import { SimulatedClient } from './client.js'
import type { SimulatedMaster } from './master.js'
import type { Job } from './driver-ledger.js'
import type { SimulatedHost } from './host.js'
import type { HostFacts } from './process.js'
import type { Random } from './random.js'
import { MagnetoHost } from './worker.js'
import type { World } from './world.js'

const applicationsMax = 6
const gapMaxMs = 2_000
const hostsMax = 6
const gpusMax = 3

export class Chaos {
  readonly world: World
  readonly hosts: readonly SimulatedHost[]
  readonly applications: SimulatedApplication[] = []
  readonly clients: SimulatedClient[] = []
  readonly #actions: Action[]
  #names = 0

  constructor(world: World) {
    this.world = world
    const { random } = world
    const apacheRate = random.pick([0, 0.3, 0.5, 1])
    this.hosts = Array.from({ length: random.between(1, hostsMax) }, (_, at) =>
      makeHost(world, at, random.chance(apacheRate)),
    )
    this.#actions = actionsOf(random, world.kind)
  }

  /** Trouble from now until then. */
  run(untilMs: number): void {
    const { clock, random } = this.world
    clock.after(random.between(1, gapMaxMs), () => {
      if (clock.nowMs >= untilMs) return
      random.pick(this.#actions)(this)
      this.run(untilMs)
    })
  }

  live(): SimulatedApplication[] {
    return this.applications.filter(({ over }) => !over)
  }

  someApplication(): SimulatedApplication | null {
    const live = this.live()
    return live.length === 0 ? null : this.world.random.pick(live)
  }

  someHost(): SimulatedHost {
    return this.world.random.pick(this.hosts)
  }

  someMaster(): SimulatedMaster {
    return this.world.random.pick(this.world.masters)
  }

  /** One that some client may know; else one that never was. */
  someDriverId(): string {
    const ids = this.world.ledger.drivers.ids()
    const { random } = this.world
    return ids.length === 0 || random.chance(0.1) ? 'driver-that-never-was' : random.pick(ids)
  }

  startApplication(): void {
    if (this.live().length >= applicationsMax) return
    const application = new SimulatedApplication(this.world, this.demand())
    this.applications.push(application)
    application.start()
  }

  client(source: SessionSource): SimulatedClient {
    this.#names += 1
    const client = new SimulatedClient(this.world, `c${this.#names}`, source)
    this.clients.push(client)
    return client
  }

  demand(): Demand {
    const { random } = this.world
    this.#names += 1
    // Those beyond the first are asked for later, if at all (A15).
    const others = Array.from({ length: random.between(1, 3) }, () => profile(random, 0))
    return {
      name: `a${this.#names}`,
      runtime: random.pick(['node', 'node', 'spark-4.3', 'spark-4.3', 'spark-3.5']),
      coresMax: random.chance(0.3) ? null : random.between(1, 10),
      profiles: [profile(random, random.chance(0.6) ? null : random.between(0, 3)), ...others],
    }
  }

  job(): Job {
    const { random } = this.world
    this.#names += 1
    return {
      jarUrl: `file:/srv/job-${this.#names}.jar`,
      supervise: random.chance(0.5),
      cores: random.between(1, 2),
      memoryMb: random.pick([128, 256, 512]),
      gpus: random.chance(0.2) ? 1 : 0,
      runtimes: random.pick([
        ['spark-4.3-driver'],
        ['spark-3.5-driver'],
        ['spark-3.5-driver', 'spark-4.3-driver'],
        ['node-driver'],
      ]),
    }
  }
}

function profile(random: Random, limit: number | null): ProfileDemand {
  return {
    cores: random.chance(0.3) ? 0 : random.between(1, 3),
    memoryMb: random.pick([128, 256, 512, 1024]),
    gpus: random.chance(0.25) ? random.between(1, 2) : 0,
    limit,
  }
}

function makeHost(world: World, at: number, apache: boolean): SimulatedHost {
  const { random } = world
  const gpus = random.chance(0.4) ? random.between(1, gpusMax) : 0
  const addresses = Array.from({ length: gpus }, (_, unit) => String(unit))
  const facts: HostFacts = {
    name: `h${at + 1}`,
    host: `10.0.0.${at + 1}`,
    port: 7001,
    cores: random.between(1, 8),
    memoryMb: random.pick([512, 1024, 2048, 4096]),
    resources: gpus > 0 ? [new ResourceT('gpu', addresses)] : [],
    runtimes: apache
      ? random.pick([
          ['spark-4.3', 'spark-4.3-driver'],
          ['spark-4.3', 'spark-4.3-driver'],
          ['spark-3.5', 'spark-3.5-driver'],
        ])
      : random.pick([
          ['node', 'node-driver'],
          ['spark-4.3'],
          ['node', 'spark-4.3', 'node-driver', 'spark-4.3-driver'],
          ['node', 'spark-3.5', 'spark-4.3'].flatMap((each) => [each, `${each}-driver`]),
        ]),
  }
  if (apache) return new ApacheHost(world, facts)
  const deadlineMs = random.chance(0.5) ? null : random.between(1_000, 60_000)
  return new MagnetoHost(world, facts, deadlineMs)
}
