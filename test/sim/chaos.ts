/** What may happen to a cluster, and how often in this seed. */
import { SessionSource } from '../../src/control/records.js'
import { encode } from '../../src/control/codec.js'
import {
  ExecutorAddedT,
  KillApplicationT,
  WorkerHeartbeatT,
  WorkerLatestStateT,
} from '../../src/schema/magneto.js'
import { registrationOf, SimulatedApplication, type Demand } from './application.js'
import type { SimulatedHost } from './worker.js'
import type { World } from './world.js'

const applicationsMax = 6
const stallMaxMs = 40_000
const absenceMaxMs = 20_000
const gapMaxMs = 2_000
const exitStatuses = [0, 1, 52, 137]

type Action = (chaos: Chaos) => void

export class Chaos {
  readonly world: World
  readonly hosts: readonly SimulatedHost[]
  readonly applications: SimulatedApplication[] = []
  readonly #actions: Action[]
  #names = 0

  constructor(world: World, hosts: readonly SimulatedHost[]) {
    this.world = world
    this.hosts = hosts
    const { random } = world
    // Each seed has its own kinds of trouble: rare mixtures come up that an even mixture hides.
    this.#actions = [...ordinary, ...faults.filter(() => random.chance(0.5))]
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

  startApplication(): void {
    if (this.live().length >= applicationsMax) return
    const application = new SimulatedApplication(this.world, this.demand())
    this.applications.push(application)
    application.start()
  }

  demand(): Demand {
    const { random } = this.world
    this.#names += 1
    return {
      name: `a${this.#names}`,
      runtime: random.chance(0.5) ? 'node' : 'spark-4.3',
      coresMax: random.chance(0.3) ? null : random.between(1, 10),
      profiles: [
        {
          cores: random.chance(0.3) ? 0 : random.between(1, 3),
          memoryMb: random.pick([256, 512, 1024]),
          limit: random.chance(0.6) ? null : random.between(0, 3),
        },
        // Asked for later, if at all (A15).
        { cores: random.between(1, 2), memoryMb: random.pick([128, 256]), limit: 0 },
      ],
    }
  }
}

const ordinary: Action[] = [
  (chaos) => chaos.startApplication(),
  (chaos) => chaos.startApplication(),
  (chaos) => chaos.someApplication()?.finish(),
  (chaos) => {
    const { random } = chaos.world
    chaos.someApplication()?.request(random.between(0, 1), random.between(0, 5))
  },
  (chaos) => {
    const application = chaos.someApplication()
    const known = [...(application?.believed.keys() ?? [])]
    if (known.length === 0) return
    application?.kill([String(chaos.world.random.pick(known)), 'no number', '4000000'])
  },
  endSomeExecutor,
]

const faults: Action[] = [
  endSomeExecutor,
  (chaos) => chaos.someApplication()?.crash(false),
  (chaos) => chaos.someApplication()?.crash(true),
  (chaos) => chaos.someApplication()?.cut(),
  (chaos) => chaos.someApplication()?.stall(chaos.world.random.between(100, stallMaxMs)),
  (chaos) => chaos.someHost().cut(),
  (chaos) => chaos.someHost().stall(chaos.world.random.between(100, stallMaxMs)),
  (chaos) => loseHost(chaos, false),
  (chaos) => loseHost(chaos, true),
  (chaos) => chaos.someHost().stop(),
  killThroughWeb,
  hostileStranger,
  brokenDriver,
]

function endSomeExecutor(chaos: Chaos): void {
  const { random } = chaos.world
  const host = chaos.someHost()
  const keys = [...host.processes.keys()]
  if (keys.length > 0) host.endProcess(random.pick(keys), random.pick(exitStatuses))
}

function loseHost(chaos: Chaos, silently: boolean): void {
  const host = chaos.someHost()
  if (!host.up) return
  host.crash(silently)
  chaos.world.clock.after(chaos.world.random.between(0, absenceMaxMs), () => host.boot())
}

const deaf = { receive: () => {}, closed: () => {} }

function killThroughWeb(chaos: Chaos): void {
  const id = chaos.someApplication()?.id ?? 'app-that-never-was'
  const connection = chaos.world.master.accept(SessionSource.WEB, 'web', deaf, 10)
  connection.sendToMaster(encode(new KillApplicationT(1, id)))
  connection.closeByPeer('done')
}

/** What comes from it may cost its own connection and nothing else. */
function hostileStranger(chaos: Chaos): void {
  const { random, master } = chaos.world
  const connection = master.accept(SessionSource.CONTROL, '10.66.6.6:6', deaf, 10)
  const someWorker = chaos.someHost().workerId
  const whole = encode(new WorkerLatestStateT(someWorker, []))
  const broken = whole.slice()
  for (let flips = random.between(1, 8); flips > 0; flips -= 1) {
    broken[random.between(0, broken.length - 1)] = random.between(0, 255)
  }
  connection.sendToMaster(
    random.pick([
      new Uint8Array(random.between(0, 64)).fill(0xff),
      whole.subarray(0, random.between(0, whole.length - 1)),
      broken,
      whole,
      encode(new WorkerHeartbeatT(someWorker)),
      encode(new ExecutorAddedT(1, someWorker, '10.0.0.9', 1, 1, 1)),
    ]),
  )
  // Some strangers stay until they are thrown out.
  if (random.chance(0.5)) connection.closeByPeer('bye')
}

/** Registers and then talks nonsense, perhaps before the registration is on disk. */
function brokenDriver(chaos: Chaos): void {
  const { master, clock, random } = chaos.world
  const connection = master.accept(SessionSource.GATEWAY, '10.1.6.6:6', deaf, 10)
  connection.sendToMaster(encode(registrationOf(chaos.demand())))
  clock.after(random.between(0, 60), () => connection.sendToMaster(new Uint8Array(9)))
}
