import { describe, expect, test } from 'vitest'

import * as schema from '../../src/schema/magneto.js'
import { MAX_EXECUTORS, MAX_FINISHED_EXECUTORS } from '../../src/worker/executor-table.js'
import { Bench } from './machine.js'

const finished = (appId: string) => new schema.ApplicationFinishedT(appId)

describe('S6: the path of an executor', () => {
  test('launched, running, exited', () => {
    const bench = Bench.registered()
    expect(bench.launch('app', 0)).toEqual(['launch app/0'])
    expect(bench.start('app', 0)).toEqual(['send #1 app/0 RUNNING'])
    expect(bench.exit('app', 0, 3)).toEqual(['send #2 app/0 EXITED 3 "Command exited with code 3"'])
    expect(bench.machine.executors()).toEqual([])
  })

  test('could not be started', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    const event = {
      kind: 'executorFailed',
      appId: 'app',
      executorId: 0,
      message: 'no java',
    } as const
    expect(bench.step(event)).toEqual(['send #1 app/0 FAILED "no java"'])
  })

  test('M14: killed on order, once, and reported as KILLED', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.start('app', 0)
    expect(bench.kill('app', 0)).toEqual(['kill app/0'])
    expect(bench.kill('app', 0)).toEqual([])
    expect(bench.exit('app', 0, 143)).toEqual([
      'send #2 app/0 KILLED 143 "Command exited with code 143"',
    ])
  })

  test('an order to kill what is not here is no accident', () => {
    expect(Bench.registered().kill('app', 9)).toEqual([])
  })

  test('events of executors that are gone change nothing', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.exit('app', 0, 0)
    expect(bench.exit('app', 0, 1)).toEqual([])
    expect(bench.start('app', 0)).toEqual([])
  })
})

describe('W4: whose orders count', () => {
  test('not those of another master', () => {
    const bench = Bench.registered()
    expect(bench.launch('app', 0, 'spark://other:7077')).toEqual([])
    bench.launch('app', 1)
    expect(bench.kill('app', 1, 'spark://other:7077')).toEqual([])
  })

  test('not before the worker is registered', () => {
    const bench = new Bench()
    bench.step({ kind: 'started' })
    bench.step({ kind: 'linkOpened' })
    expect(bench.launch('app', 0)).toEqual([])
  })

  test('a duplicate launches nothing, neither while it lives nor after', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    expect(bench.launch('app', 0)).toEqual([])
    bench.exit('app', 0, 0)
    expect(bench.launch('app', 0)).toEqual([])
  })
})

describe('M11: reports', () => {
  test('T11: are kept over a lost link and told again until the master confirms them', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.launch('app', 1)
    bench.start('app', 0)
    bench.start('app', 1)
    bench.acknowledge(1)
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    expect(bench.exit('app', 0, 1)).toEqual([])
    bench.step({ kind: 'linkOpened' })
    expect(bench.registered()).toEqual([
      'clear registration',
      'timer heartbeat +15000',
      'send latest app/1=RUNNING',
      'send #2 app/1 RUNNING',
      'send #3 app/0 EXITED 1 "Command exited with code 1"',
    ])
    expect(bench.machine.unacknowledged()).toHaveLength(2)
    bench.acknowledge(2)
    bench.acknowledge(3, false)
    expect(bench.machine.unacknowledged()).toEqual([])
  })

  test('an answer to nothing is ignored', () => {
    expect(Bench.registered().acknowledge(77)).toEqual([])
  })
})

describe('W3: the end of an application', () => {
  test('cleans up after its last executor, not before', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.launch('app', 1)
    bench.exit('app', 0, 0)
    expect(bench.message(finished('app'))).toEqual([])
    expect(bench.exit('app', 1, 0)).toContain('clean app')
  })

  test('cleans up at once when nothing of it runs', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    expect(bench.exit('app', 0, 0)).not.toContain('clean app')
    expect(bench.message(finished('app'))).toEqual(['clean app'])
    expect(bench.message(finished('app'))).toEqual([])
  })

  test('applications that were never here need no cleaning', () => {
    expect(Bench.registered().message(finished('app'))).toEqual([])
  })

  test('the word that it is over may have been lost with the link', () => {
    const bench = Bench.registered()
    bench.launch('idle', 0)
    bench.exit('idle', 0, 0)
    bench.launch('busy', 0)
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    bench.step({ kind: 'linkOpened' })
    expect(bench.registered()).toContain('clean idle')
    expect(bench.kill('busy', 0)).toEqual(['kill busy/0'])
    expect(bench.exit('busy', 0, 143)).toContain('clean busy')
  })
})

describe('W18: shutting down', () => {
  test('kills all, reports FAILED, cleans up and exits with 0', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.launch('app', 1)
    bench.start('app', 0)
    expect(bench.step({ kind: 'stop', reason: 'SIGTERM' })).toEqual([
      'send #2 app/0 FAILED "Worker shutting down"',
      'kill app/0',
      'send #3 app/1 FAILED "Worker shutting down"',
      'kill app/1',
      'clear heartbeat',
    ])
    expect(bench.launch('app', 2)).toEqual([])
    expect(bench.exit('app', 0, 143)).toEqual([])
    expect(bench.exit('app', 1, 143)).toEqual(['clean app', 'exit 0'])
  })

  test('an idle worker exits at once, registered or not', () => {
    expect(Bench.registered().step({ kind: 'stop', reason: 'SIGTERM' })).toContain('exit 0')
    const bench = new Bench()
    bench.step({ kind: 'started' })
    const effects = bench.step({ kind: 'stop', reason: 'SIGTERM' })
    expect(effects).toEqual(['clear registration', 'exit 0'])
  })

  test('losing the link meanwhile starts no new attempts', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    bench.step({ kind: 'stop', reason: 'SIGTERM' })
    expect(bench.step({ kind: 'linkClosed', reason: 'gone' })).not.toContain('timer registration')
    expect(bench.exit('app', 0, 143)).toEqual(['clean app', 'exit 0'])
  })

  test('W19: a lost master alone costs no executor', () => {
    const bench = Bench.registered()
    bench.launch('app', 0)
    const effects = bench.step({ kind: 'linkClosed', reason: 'gone' })
    expect(effects.filter((effect) => effect.startsWith('kill'))).toEqual([])
  })

  test('a worker that gives up takes its executors along', () => {
    const bench = Bench.registered({ maxRegistrationRetries: 0 })
    bench.launch('app', 0)
    bench.step({ kind: 'linkClosed', reason: 'gone' })
    expect(bench.fire('registration')).toEqual(['kill app/0', 'exit 1'])
  })
})

test('W5: what the master places is launched, also beyond what the worker offers', () => {
  const bench = Bench.registered({ cores: 2, memoryMb: 1024 })
  for (const id of [0, 1, 2]) expect(bench.launch('app', id)).toEqual([`launch app/${id}`])
})

describe('bounds', () => {
  test('executors', () => {
    const bench = Bench.registered()
    for (let id = 0; id < MAX_EXECUTORS; id += 1) bench.machine.step(launch(id), 0)
    expect(bench.launch('app', MAX_EXECUTORS)).toEqual([
      `send #1 app/${MAX_EXECUTORS} FAILED "this worker runs ${MAX_EXECUTORS} executors, which is its limit"`,
    ])
  })

  test('W17: the memory of ended executors', () => {
    const bench = Bench.registered()
    for (let id = 0; id < MAX_FINISHED_EXECUTORS + 5; id += 1) {
      bench.launch('app', id)
      bench.exit('app', id, 0)
    }
    bench.machine.check()
    expect(bench.launch('app', MAX_FINISHED_EXECUTORS)).toEqual([])
  })
})

function launch(id: number) {
  const body = new schema.LaunchExecutorT('spark://master:7077', 'app', id)
  return { kind: 'message', body } as const
}
