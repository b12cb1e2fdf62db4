/** Every scenario that plays Spark peers, in small, against a real master: what it counts is what the master says it has. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leads } from '../../bench/load/duel.js'
import { heardCounts } from '../../bench/load/peers/link.js'
import { Playground } from '../../bench/load/peers/playground.js'
import type { Scenario } from '../../bench/load/scenario.js'
import { type ScenarioName, scenarios } from '../../bench/load/scenarios/index.js'
import { type MasterProcess, type MasterSeat, takeSeat } from '../../bench/masters.js'

const folder = mkdtempSync(join(tmpdir(), 'magneto-load-'))
const size = { workers: 20, concurrency: 4, operations: 40, waiting: 5 }
let seat: MasterSeat | Awaited<ReturnType<typeof takeSeat>>
let master: MasterProcess

beforeAll(async () => {
  const recovery = join(folder, 'recovery')
  seat = await takeSeat('magneto', folder, [
    'spark.deploy.recoveryMode FILESYSTEM',
    `spark.deploy.recoveryDirectory ${recovery}`,
  ])
  master = seat.start()
  await leads(master.underTest)
})

afterAll(async () => {
  await master.kill()
  rmSync(folder, { recursive: true, force: true })
})

/** Two runs with what is between them; each scenario's own checks reject. */
async function played(name: ScenarioName, between: () => void = () => {}) {
  const scenario: Scenario = scenarios[name]()
  await scenario.prepare(master.underTest, size)
  const first = await scenario.run()
  await scenario.reset?.()
  heardCounts.clear()
  const second = await scenario.run()
  between()
  await scenario.close()
  expect(second.operations).toBe(first.operations)
  return second
}

describe('N1, N8: a real master takes what the generator plays for what it is', () => {
  it('asks', async () => {
    const { operations, latenciesMs } = await played('ask-256')
    expect([operations, latenciesMs?.length]).toEqual([40, 40])
  })

  it('registrations and heartbeats', async () => {
    let registered: number | undefined
    const { operations } = await played('registrations', () => {
      registered = heardCounts.get('RegisteredWorker')
    })
    expect([operations, registered]).toEqual([20, 20])
    expect((await played('heartbeats')).operations).toBe(40)
  })

  it('applications: each has one executor, which is killed at its end', async () => {
    const counted: (number | undefined)[] = []
    await played('small-applications', () => {
      for (const kind of ['RegisteredApplication', 'LaunchExecutor', 'ExecutorAdded'])
        counted.push(heardCounts.get(kind))
      counted.push(heardCounts.get('KillExecutor'))
    })
    expect(counted).toEqual([40, 40, 40, 40])
  })

  it('a whole cluster for one, and a full one with others waiting', async () => {
    const whole = await played('whole-cluster')
    expect(whole.operations).toBe(80)
    const { moments = {} } = whole
    expect(moments['first LaunchExecutor']).toBeLessThanOrEqual(moments['last LaunchExecutor']!)
    expect(moments['last LaunchExecutor']).toBeLessThanOrEqual(moments['all acknowledged']!)
    expect((await played('executor-events')).latenciesMs?.length).toBe(40)
  })

  it('drivers in cluster mode', async () => {
    let launched: number | undefined
    const { operations } = await played('driver-submissions', () => {
      launched = heardCounts.get('LaunchDriver')
    })
    expect([operations, launched]).toEqual([40, 40])
    expect((await played('driver-ends')).operations).toBe(40)
  })

  it('M18: a master that comes back calls everybody, and nothing is lost', async () => {
    const scenario = scenarios.recovery()
    await scenario.prepare(master.underTest, size)
    heardCounts.clear()
    const running = scenario.run()
    await master.kill()
    master = seat.start()
    const { moments } = await running
    expect(moments).toHaveProperty('first new executor')
    expect(heardCounts.get('MasterChanged')).toBe(20 + 50)
    await scenario.close()
  })
})

describe('what goes wrong ends a scenario with a text that says what', () => {
  it('a master that is not there', async () => {
    const nowhere = { ...master.underTest, port: 1 }
    const asks = scenarios['ask-one']()
    await expect(asks.prepare(nowhere, size)).rejects.toThrow(
      'no connection to 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
    )
    await asks.close()
  })

  it('a worker that is refused', async () => {
    const playground = await Playground.open(master.underTest)
    const [worker] = await playground.connectWorkers(1, { cores: -1, memoryMb: 1024 })
    await expect(playground.register([worker!])).rejects.toThrow(`${worker!.id} was refused: `)
    await playground.close()
  })

  it('a state that does not come', async () => {
    const playground = await Playground.open(master.underTest)
    // Those of the scenarios before have left, which the master sees in its own time.
    await playground.untilState('no worker', ({ aliveworkers }) => aliveworkers === 0)
    await expect(playground.untilState('a worker', () => false, 0.1)).rejects.toThrow(
      'waited 0.1 s for a worker; /json of magneto says ALIVE, 0 workers, 0 of 0 cores',
    )
    await playground.close()
  })
})
