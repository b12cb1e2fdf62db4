/** Many tasks may hang on one AbortSignal, and one task on it again and again. */
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'

import { AbortSignals } from '../../src/app/abort-signals.js'
import { processWarnings } from '../process-warnings.js'

const count = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('AbortSignals', () => {
  test('a thousand hang on one listener, and are called in their order', async () => {
    const warnings = processWarnings()
    const signals = new AbortSignals()
    const [one, another] = [new AbortController(), new AbortController()]
    const called: number[] = []
    for (let each = 0; each < 1000; each++) {
      signals.listen(one.signal, () => called.push(each))
      signals.listen(another.signal, () => called.push(-1))
    }
    expect([count(one.signal), count(another.signal)]).toEqual([1, 1])
    expect(await warnings()).toEqual([])
    one.abort()
    expect(called).toEqual(Array.from({ length: 1000 }, (_, each) => each))
  })

  test('who took it back is not called, and the last one takes the listener along', () => {
    const signals = new AbortSignals()
    const { signal } = new AbortController()
    const fail = (): never => {
      throw new Error('was called')
    }
    const first = signals.listen(signal, () => fail())
    const second = signals.listen(signal, () => fail())
    first()
    first()
    expect(count(signal)).toBe(1)
    second()
    expect(count(signal)).toBe(0)
  })

  test('what was taken back twice takes nobody along who came later', () => {
    const signals = new AbortSignals()
    const stop = new AbortController()
    const early = signals.listen(stop.signal, () => {})
    early()
    let called = 0
    signals.listen(stop.signal, () => called++)
    early()
    stop.abort()
    expect(called).toBe(1)
  })

  test('who is called may take back itself and others', () => {
    const signals = new AbortSignals()
    const stop = new AbortController()
    const called: string[] = []
    const first = signals.listen(stop.signal, () => {
      called.push('first')
      first()
      second()
    })
    const second = signals.listen(stop.signal, () => called.push('second'))
    signals.listen(stop.signal, () => called.push('third'))
    stop.abort()
    expect(called).toEqual(['first', 'third'])
  })
})
