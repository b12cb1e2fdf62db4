import { describe, expect, test } from 'vitest'
import type { SideRuns } from '../../bench/load/duel.js'
import {
  figuresOf,
  generatorLimit,
  growth,
  latency,
  masterCpu,
  memoryOfWorker,
  moment,
  rate,
} from '../../bench/load/figures-of.js'
import type { Run } from '../../bench/load/generator.js'

const run = (over: Partial<Run> = {}): Run => ({
  observed: {
    operations: 1_000,
    seconds: 2,
    latenciesMs: Float64Array.from([1, 2, 30]),
    moments: { 'first LaunchExecutor': 4 },
  },
  masterCpuSeconds: 0.5,
  generatorCpuSeconds: 0.25,
  othersShare: 0,
  residentBefore: 100_000,
  residentAfter: 1_100_000,
  ...over,
})

const side = (runs: readonly Run[]): SideRuns => ({
  size: { workers: 1_000, concurrency: 1, operations: 1_000, waiting: 0 },
  runs,
  idleBytes: 100_000_000,
  preparedBytes: 108_000_000,
})

function valuesOf(reading: Parameters<typeof figuresOf>[1][number], runs: readonly Run[]) {
  const [figure] = figuresOf('it', [reading], { magneto: side(runs), apache: null })
  return figure!
}

describe('readings', () => {
  test('divide processor time and memory by operations, and take the median of the runs', () => {
    const runs = [
      run(),
      run({ masterCpuSeconds: 0.1 }),
      run({ masterCpuSeconds: 0.9, residentAfter: 600_000 }),
    ]
    expect(valuesOf(masterCpu('us'), runs)).toMatchObject({
      value: 500,
      spread: { min: 100, max: 900, runs: 3 },
    })
    expect(valuesOf(masterCpu('ms'), runs).value).toBe(0.5)
    expect(valuesOf(growth('memory'), runs)).toMatchObject({ value: 1_000, spread: { min: 500 } })
  })

  test('of rates, latencies and moments come from what the scenario has seen', () => {
    expect(valuesOf(rate(), [run()]).value).toBe(500)
    expect(valuesOf(latency(0.5), [run()]).value).toBe(2)
    expect(valuesOf(latency(0.99), [run()]).value).toBe(30)
    expect(valuesOf(moment('first LaunchExecutor'), [run()]).value).toBe(4)
  })

  test('of a moment that was not seen fail, rather than being zero', () => {
    expect(() => valuesOf(moment('ALIVE'), [run()])).toThrow("did not observe 'ALIVE'")
  })

  test('of a worker take what preparing its cluster has added', () => {
    expect(valuesOf(memoryOfWorker, [run()])).toMatchObject({ value: 8_000, spread: { runs: 1 } })
  })

  test('stand beside those of Apache', () => {
    const [figure] = figuresOf('it', [masterCpu('us', { atMost: 500 })], {
      magneto: side([run()]),
      apache: side([run({ masterCpuSeconds: 5 })]),
    })
    expect(figure).toMatchObject({
      name: 'it: master CPU each',
      apache: { value: 5_000 },
      aim: { atMost: 500 },
    })
  })
})

describe('the limit', () => {
  test('is the clock when a run took little of it', () => {
    const short = run({ masterCpuSeconds: 0.05 })
    expect(valuesOf(masterCpu('us'), [run(), short]).note).toContain('within 20.0 us')
    expect(valuesOf(masterCpu('us'), [run()]).note).not.toContain('clock')
    expect(valuesOf(growth('memory'), [short]).note).not.toContain('clock')
  })

  test('is the generator when it uses more than the master, or nearly all of a core', () => {
    expect(generatorLimit(run())).toBeNull()
    expect(generatorLimit(run({ generatorCpuSeconds: 0.75 }))).toContain("1.5 times the master's")
    const busy = run({ masterCpuSeconds: 3, generatorCpuSeconds: 1.8 })
    expect(generatorLimit(busy)).toContain('90% of a core')
  })

  test('is told of rates and latencies only: processor time is the same', () => {
    const runs = [run({ generatorCpuSeconds: 0.75, othersShare: 0.4 })]
    expect(valuesOf(rate(), runs).note).toMatch(/limited by the generator.*took up to 40%/)
    expect(valuesOf(masterCpu('us'), runs).note).not.toContain('limited')
  })
})
