/** Time as leases need it: monotonic, and going on while the process is halted. */
export interface Clock {
  nowMs(): number
  /** @returns what calls it off */
  after(ms: number, action: () => void): () => void
}

export const monotonicClock: Clock = {
  nowMs: () => performance.now(),
  after: (ms, action) => {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
}
