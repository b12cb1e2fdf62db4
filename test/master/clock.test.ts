import { describe, expect, test } from 'vitest'
import { Clock, MAX_SLEW } from '../../src/master/clock.js'

const startMs = 1_769_250_605_000

/** A wall clock that somebody sets, over time that passes steadily. */
class Machine {
  passedMs = 0
  setMs = 0
  readonly clock = new Clock(
    () => startMs + this.passedMs + this.setMs,
    () => 77 + this.passedMs,
  )

  /** How much the clock moves while that much time passes. */
  after(ms: number): number {
    const before = this.clock.nowMs()
    this.passedMs += ms
    return this.clock.nowMs() - before
  }
}

describe('the clock of the master', () => {
  test('is the wall clock while nobody sets that', () => {
    const machine = new Machine()
    expect(machine.after(1_000)).toBe(1_000)
    expect(machine.clock.nowMs()).toBe(startMs + 1_000)
  })

  test.each([3_600_000, -3_600_000])('follows a jump of %i ms in small steps', (jumpMs) => {
    const machine = new Machine()
    machine.setMs = jumpMs
    expect(machine.after(0)).toBe(0)
    expect(machine.after(60_000)).toBe(60_000 + Math.sign(jumpMs) * 60_000 * MAX_SLEW)
    machine.after(Math.abs(jumpMs) / MAX_SLEW)
    expect(machine.clock.nowMs()).toBe(startMs + machine.passedMs + jumpMs)
    expect(machine.after(1_000)).toBe(1_000)
  })

  test('never goes back', () => {
    const machine = new Machine()
    let before = machine.clock.nowMs()
    for (const setMs of [500, -90_000, 7, 0, -1, 1e12]) {
      machine.setMs = setMs
      machine.passedMs += 1
      const now = machine.clock.nowMs()
      expect(now).toBeGreaterThanOrEqual(before)
      before = now
    }
  })
})
