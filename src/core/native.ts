/**
 * The one typed face of the addon, and the only file that loads it. Rules of the boundary: few functions,
 * bytes in and bytes out, one call a tick. Every thread that needs a core loads its own instance.
 */
import { builtAddon } from '../native/addon.js'

export interface MasterCore {
  /**
   * One tick: all events that came in, all effects that go out.
   *
   * @param nowMs wall clock, ms since the epoch; never smaller than in the call before
   * @param utcOffsetMinutes minutes that local time is ahead of UTC (ids carry local time: spec P17)
   * @param inbox a batch of records (control/records.ts), 8-aligned
   * @param onPart takes, in bytes of its own and in order, what is decided while the rest is still being decided; it must
   *   not call the core. Absent: all is returned
   * @returns a batch of records, in bytes of its own: the rest
   * @throws Error when the core's own invariants are broken; the process must not go on
   */
  step(
    nowMs: number,
    utcOffsetMinutes: number,
    inbox: Uint8Array,
    onPart?: (outbox: Uint8Array) => void,
  ): Uint8Array
  /** All of it at once: a finished ClusterView (schemas/view.fbs), in bytes of its own. For tests and the simulator. */
  view(nowMs: number): Uint8Array
  /**
   * What has changed since the call before: a finished Changes, in bytes of its own. Costs what has changed and no
   * more than `mostBytes` of it.
   *
   * @param anew the reader is new and has nothing
   */
  changes(nowMs: number, anew: boolean, mostBytes: number): Uint8Array
  /** A finished ExplainAnswer. @param request a finished ExplainRequest @throws Error when it is none */
  explain(request: Uint8Array): Uint8Array
  /** Walks the whole state and throws naming the first broken invariant. For tests and the simulator. */
  check(): void
}

interface Addon {
  /** @param config a finished CoreConfig (schemas/core.fbs) */
  MasterCore: new (config: Uint8Array) => MasterCore
}

let addon: Addon | null = null

/** @param config a finished CoreConfig (schemas/core.fbs) @throws Error when the addon is not built */
export function createMasterCore(config: Uint8Array): MasterCore {
  addon ??= builtAddon('magneto_core') as Addon
  return new addon.MasterCore(config)
}
