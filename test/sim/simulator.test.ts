import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMasterCore } from '../../src/core/native.js'
import { BatchWriter, InboxKind, records } from '../../src/control/records.js'
import { WorkerMachine, type WorkerEffect, type WorkerEvent } from '../../src/worker/state.js'
import { simulate, type Options } from './simulator.js'

const seeds = 1000
const traceLinesShown = 60

/** A broken seed tells its story at once; run.ts tells all of it. */
function mustHold(seed: number): void {
  const { violation } = simulate(seed)
  if (violation === null) return
  const { trace } = simulate(seed, { trace: true })
  throw new Error(
    `seed ${seed}: ${violation}\n${trace.slice(-traceLinesShown).join('\n')}\n` +
      `the whole history: npx tsx test/sim/run.ts --seed ${seed} --trace`,
  )
}

function firstCaught(options: Options, tries: number): string | null {
  for (let seed = 1; seed <= tries; seed += 1) {
    const { violation } = simulate(seed, options)
    if (violation !== null) return violation
  }
  return null
}

describe('a cluster from one seed', () => {
  test.each(Array.from({ length: 10 }, (_, part) => part))(
    `${seeds} seeds, part %i`,
    (part) => {
      for (let seed = part + 1; seed <= seeds; seed += 10) mustHold(seed)
    },
    120_000,
  )

  const named = readFileSync(join(import.meta.dirname, 'seeds.txt'), 'utf8')
    .split('\n')
    .filter((line) => /^\d/.test(line))
  test.each(named)('regression: %s', (line) => mustHold(Number.parseInt(line, 10)))

  test('a few seeds see every message that a master sends', () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 60; seed += 1) {
      for (const type of simulate(seed).sent.keys()) seen.add(type)
    }
    expect([...seen].sort()).toEqual([
      'ApplicationFinished',
      'ApplicationRegistered',
      'ApplicationRemoved',
      'ExecutorAdded',
      'ExecutorUpdated',
      'KillExecutor',
      'LaunchExecutor',
      'ReconnectWorker',
      'Refused',
      'RegisterWorkerFailed',
      'Reply',
      'WorkerRegistered',
      'WorkerRemoved',
    ])
  })

  test('the same seed gives the same history', () => {
    const [once, again] = [simulate(3, { trace: true }), simulate(3, { trace: true })]
    expect(once.trace.length).toBeGreaterThan(100)
    expect(again.trace).toEqual(once.trace)
  })
})

describe('what is broken is noticed', () => {
  test('a worker that forgets to say that an executor has ended', () => {
    class Forgetful extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        const effects = super.step(event, nowMs)
        return event.kind === 'executorExited'
          ? effects.filter(({ kind }) => kind !== 'send')
          : effects
      }
    }
    const violation = firstCaught({ makeWorker: (settings) => new Forgetful(settings) }, 20)
    expect(violation).toContain('does not come to rest')
  })

  test('a worker that does not kill', () => {
    class Gentle extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        return super.step(event, nowMs).filter(({ kind }) => kind !== 'kill')
      }
    }
    const violation = firstCaught({ makeWorker: (settings) => new Gentle(settings) }, 20)
    expect(violation).not.toBeNull()
  })

  test('a worker that starts an executor twice', () => {
    class Eager extends WorkerMachine {
      override step(event: WorkerEvent, nowMs: number): WorkerEffect[] {
        const effects = super.step(event, nowMs)
        return [...effects, ...effects.filter(({ kind }) => kind === 'launch')]
      }
    }
    const violation = firstCaught({ makeWorker: (settings) => new Eager(settings) }, 20)
    expect(violation).toContain('and again on')
  })

  test('a core that does not wait for the disk', () => {
    const violation = firstCaught(
      {
        core: (config) => {
          const core = createMasterCore(config)
          return {
            view: (nowMs) => core.view(nowMs),
            check: () => core.check(),
            step: (nowMs, offset, inbox) => withoutSequences(core.step(nowMs, offset, inbox)),
          }
        },
      },
      20,
    )
    expect(violation).toContain('before that was on disk')
  })

  test('a master that misses lost connections', () => {
    const violation = firstCaught(
      {
        core: (config) => {
          const core = createMasterCore(config)
          return {
            view: (nowMs) => core.view(nowMs),
            check: () => core.check(),
            step: (nowMs, offset, inbox) => core.step(nowMs, offset, withoutEnds(inbox)),
          }
        },
      },
      20,
    )
    expect(violation).toContain('its driver is gone')
  })
})

const sendKind = 1

function withoutSequences(outbox: Uint8Array): Uint8Array {
  const batch = new BatchWriter()
  for (const { kind, session, argument, payload } of records(outbox)) {
    batch.add(kind, session, payload, kind === sendKind ? 0 : argument)
  }
  return batch.take()
}

function withoutEnds(inbox: Uint8Array): Uint8Array {
  const batch = new BatchWriter()
  for (const { kind, session, argument, payload } of records(inbox)) {
    if (kind !== (InboxKind.DISCONNECTED as number)) batch.add(kind, session, payload, argument)
  }
  return batch.take()
}
