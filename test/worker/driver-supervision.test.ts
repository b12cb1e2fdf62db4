/** T10, W14: a driver's attempts. */
import { describe, expect, test } from 'vitest'

import { superviseDriver } from '../../src/worker/launcher/driver-supervision.js'

interface Script {
  supervise?: boolean
  /** Exit status and length in ms of each attempt. */
  attempts: [status: number, lastsMs: number][]
  /** Killed while it waits for that attempt. */
  killBefore?: number
  /** Killed while that attempt runs. */
  killDuring?: number
}

async function play(script: Script) {
  const killed = new AbortController()
  let nowMs = 0
  let runs = 0
  const waits: number[] = []
  const retries: string[] = []
  if (script.killBefore === 0) killed.abort()
  const exitStatus = await superviseDriver({
    supervise: script.supervise ?? true,
    signal: killed.signal,
    run: () => {
      const [status, lastsMs] = script.attempts[runs] ?? [-1, 0]
      if (script.killDuring === runs) killed.abort()
      runs += 1
      nowMs += lastsMs
      return Promise.resolve(status)
    },
    onRetry: (status, waitMs) => retries.push(`${status} ${waitMs}`),
    now: () => nowMs,
    sleep: (ms) => {
      waits.push(ms)
      if (script.killBefore === runs) killed.abort()
      return Promise.resolve()
    },
  })
  return { exitStatus, runs, waits, retries }
}

describe('T10: the back-off', () => {
  test('doubles from one second, and ends with the first success', async () => {
    const failures = Array.from({ length: 6 }, (): [number, number] => [1, 100])
    expect(await play({ attempts: [...failures, [0, 100]] })).toEqual({
      exitStatus: 0,
      runs: 7,
      waits: [1000, 2000, 4000, 8000, 16_000, 32_000],
      retries: ['1 1000', '1 2000', '1 4000', '1 8000', '1 16000', '1 32000'],
    })
  })

  test('begins anew after a run of more than five seconds', async () => {
    const { waits } = await play({
      attempts: [
        [1, 0],
        [1, 0],
        [1, 5000],
        [1, 5001],
        [1, 0],
        [0, 0],
      ],
    })
    expect(waits).toEqual([1000, 2000, 4000, 1000, 2000])
  })

  test('never waits longer than a timer can, which would fire at once', async () => {
    const failures = Array.from({ length: 40 }, (): [number, number] => [1, 0])
    const { waits } = await play({ attempts: [...failures, [0, 0]] })
    expect(Math.max(...waits)).toBe(2 ** 31 - 1)
    expect(waits.at(-1)).toBe(2 ** 31 - 1)
  })
})

describe('how often', () => {
  test('once without supervision', async () => {
    expect(await play({ supervise: false, attempts: [[3, 0]] })).toMatchObject({
      exitStatus: 3,
      runs: 1,
      waits: [],
    })
  })

  test('once when it succeeds', async () => {
    expect(await play({ attempts: [[0, 0]] })).toMatchObject({ exitStatus: 0, runs: 1 })
  })

  test('never when it is killed before it starts', async () => {
    expect(await play({ attempts: [[0, 0]], killBefore: 0 })).toMatchObject({
      exitStatus: null,
      runs: 0,
    })
  })

  test('no more when it is killed while it runs, or waits', async () => {
    const attempts: [number, number][] = [
      [1, 0],
      [143, 0],
      [0, 0],
    ]
    expect(await play({ attempts, killDuring: 1 })).toMatchObject({ exitStatus: 143, runs: 2 })
    expect(await play({ attempts, killBefore: 1 })).toMatchObject({ exitStatus: 1, runs: 1 })
  })
})

test('a kill ends the wait at once', async () => {
  const killed = new AbortController()
  const exitStatus = await superviseDriver({
    supervise: true,
    signal: killed.signal,
    run: () => Promise.resolve(1),
    onRetry: () => killed.abort(),
  })
  expect(exitStatus).toBe(1)
})

test('what can not be started is not tried again', async () => {
  const attempt = superviseDriver({
    supervise: true,
    signal: new AbortController().signal,
    run: () => Promise.reject(new Error('no java')),
    onRetry: () => {},
  })
  await expect(attempt).rejects.toThrow('no java')
})
