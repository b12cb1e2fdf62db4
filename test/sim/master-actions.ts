/** What may happen to masters, and to what they keep their records on. */
import type { Action } from './actions.js'
import type { Chaos } from './chaos.js'
import type { SimulatedMaster } from './master.js'
import type { Kind } from './world.js'

const absenceMaxMs = 5_000
const longAbsenceMaxMs = 90_000
const stopMaxMs = 30_000
const isolationMaxMs = 40_000
const fullMaxMs = 30_000
const outageMaxMs = 40_000

function crash(chaos: Chaos, master: SimulatedMaster, silently: boolean): void {
  const { random, clock } = chaos.world
  master.crash(silently)
  const awayMs = random.between(0, random.chance(0.2) ? longAbsenceMaxMs : absenceMaxMs)
  clock.after(awayMs, () => master.boot())
}

function crashInStep(chaos: Chaos): void {
  const { random, clock } = chaos.world
  const master = chaos.someMaster()
  master.crashInStep(() => clock.after(random.between(0, absenceMaxMs), () => master.boot()))
}

function crashLeader(chaos: Chaos): void {
  for (const master of chaos.world.masters) if (master.leads) crash(chaos, master, false)
}

/** Of ZooKeeper only: everybody else hears from it as before. */
function cutOffLeader(chaos: Chaos): void {
  const { ensemble, random, masters } = chaos.world
  for (const { leads, name } of masters) {
    if (leads) ensemble.cutOff(name, random.between(100, outageMaxMs))
  }
}

function stopLeader(chaos: Chaos): void {
  const { random, masters } = chaos.world
  for (const master of masters) {
    if (master.leads) master.stop(random.between(100, stopMaxMs), random.chance(0.3))
  }
}

function crashAll(chaos: Chaos): void {
  if (chaos.world.random.chance(0.7)) return
  chaos.world.coverage.happened('all masters crash at once')
  for (const master of chaos.world.masters) crash(chaos, master, false)
}

function stop(chaos: Chaos, frozen: boolean): void {
  chaos.someMaster().stop(chaos.world.random.between(100, stopMaxMs), frozen)
}

function fillDisk(chaos: Chaos): void {
  const { disk, clock, random } = chaos.world
  disk.full = true
  clock.after(random.between(100, fullMaxMs), () => {
    disk.full = false
  })
}

const ofOne: Action[] = [
  (chaos) => crash(chaos, chaos.someMaster(), false),
  (chaos) => crash(chaos, chaos.someMaster(), false),
  (chaos) => crash(chaos, chaos.someMaster(), true),
  crashInStep,
  (chaos) => stop(chaos, false),
  (chaos) => stop(chaos, true),
  (chaos) => chaos.someMaster().isolate(chaos.world.random.between(100, isolationMaxMs)),
]

export const masterFaults: Record<Kind, Action[]> = {
  lasting: [],
  restarted: [...ofOne, fillDisk],
  elected: [
    ...ofOne,
    crashLeader,
    cutOffLeader,
    cutOffLeader,
    stopLeader,
    crashAll,
    (chaos) =>
      chaos.world.ensemble.cutOff(
        chaos.someMaster().name,
        chaos.world.random.between(100, outageMaxMs),
      ),
    (chaos) => chaos.world.ensemble.restart(chaos.world.random.between(100, outageMaxMs)),
    (chaos) => chaos.world.ensemble.separate(chaos.world.random.between(100, outageMaxMs)),
  ],
}
