/** Time-outs that a machine which stands still can't break. */
import { afterEach, beforeEach, vi } from 'vitest'

/**
 * In each test of this file or group `setTimeout` goes by a clock that stops while this process does, and is never ahead of the
 * real one: what a peer in this process is granted is not over because neither of them had its turn.
 */
export function patientTimers(): void {
  const { setTimeout: wait, clearTimeout: forget } = globalThis
  let next: NodeJS.Timeout
  const tick = (): void => {
    vi.advanceTimersByTime(1)
    next = wait(tick, 1)
  }
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    next = wait(tick, 1)
  })
  afterEach(() => {
    forget(next)
    vi.useRealTimers()
  })
}
