/** What `magneto top` shows, and what keys and looks make of it. Pure. */
import type { Snapshot, Wanted } from './look.js'

export interface Sort {
  readonly key: string
  /** Of the column that is sorted by; null: it is not shown. */
  readonly column: string | null
  readonly text: string
}

/** In the order in which `s` goes through them. */
export const SORTS: readonly Sort[] = [
  { key: '-cores', column: 'CORES', text: 'most cores first' },
  { key: '-submitted', column: null, text: 'newest first' },
  { key: 'submitted', column: 'DURATION', text: 'oldest first' },
  { key: '-memory', column: 'MEMORY', text: 'largest executors first' },
  { key: 'state', column: 'STATE', text: 'by state' },
  { key: 'user', column: 'USER', text: 'by user' },
  { key: 'name', column: 'NAME', text: 'by name' },
]

export interface Outage {
  readonly message: string
  readonly sinceMs: number
}

export interface TopState {
  readonly snapshot: Snapshot
  /** Why there has been no answer; null: there was one. */
  readonly outage: Outage | null
  /** Of SORTS. */
  readonly sort: number
  /** The first application that is seen, from 0. */
  readonly scroll: number
  readonly paused: boolean
}

/** Characters of the terminal. */
export interface Size {
  readonly columns: number
  /** Infinity: as many as it takes. */
  readonly rows: number
}

export function stateOf(snapshot: Snapshot): TopState {
  return { snapshot, outage: null, sort: 0, scroll: 0, paused: false }
}

/** So many rows at least are fetched around those that are seen, so that scrolling mostly needs no question. */
const FETCHED_STEP = 100

/** What a master gives at once. */
const FETCHED_MAX = 1000

export function wantedOf({ sort, scroll }: Pick<TopState, 'sort' | 'scroll'>, size: Size): Wanted {
  const offset = Math.floor(scroll / FETCHED_STEP) * FETCHED_STEP
  const seen = Number.isFinite(size.rows) ? size.rows : FETCHED_STEP
  return { sort: SORTS[sort]!.key, offset, limit: Math.min(FETCHED_MAX, FETCHED_STEP + seen) }
}

/** @param rows of applications that can be seen */
export function looked(state: TopState, snapshot: Snapshot, rows: number): TopState {
  return scrolled({ ...state, snapshot, outage: null }, 0, rows)
}

export function failed(state: TopState, message: string, nowMs: number): TopState {
  return { ...state, outage: { message, sinceMs: state.outage?.sinceMs ?? nowMs } }
}

export type Key = 'sort' | 'pause' | 'down' | 'up' | 'page down' | 'page up' | 'first' | 'last'

/** @param rows of applications that can be seen */
export function keyed(state: TopState, key: Key, rows: number): TopState {
  if (key === 'sort') return { ...state, sort: (state.sort + 1) % SORTS.length, scroll: 0 }
  if (key === 'pause') return { ...state, paused: !state.paused }
  const by: Readonly<Record<typeof key, number>> = {
    down: 1,
    up: -1,
    'page down': rows,
    'page up': -rows,
    first: -Infinity,
    last: Infinity,
  }
  return scrolled(state, by[key], rows)
}

function scrolled(state: TopState, by: number, rows: number): TopState {
  const last = Math.max(0, state.snapshot.applications.total - rows)
  return { ...state, scroll: Math.max(0, Math.min(state.scroll + by, last)) }
}
