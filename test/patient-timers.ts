/** Time-outs that a machine which stands still can't break. */
import { vi } from 'vitest'

/**
 * From here on `setTimeout` goes by a clock that stops while this process does, and is never ahead of the real one: what a
 * peer in this process is granted is not over because neither of them had its turn.
 *
 * @returns goes back to real timers
 */
export function patientTimers(): () => void {
  const { setTimeout: wait, clearTimeout: forget } = globalThis
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const tick = (): void => {
    vi.advanceTimersByTime(1)
    next = wait(tick, 1)
  }
  let next = wait(tick, 1)
  return () => {
    forget(next)
    vi.useRealTimers()
  }
}
