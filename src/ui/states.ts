/** States as they are shown: Spark's word, in a colour that says at a glance what it means. Pure. */
import { html, type Markup } from '../http/html.js'
import type {
  ApplicationStateName,
  DriverStateName,
  ExecutorStateName,
  MasterStateName,
  WorkerStateName,
} from './api/shapes.js'

export type StateName =
  | ApplicationStateName
  | DriverStateName
  | ExecutorStateName
  | MasterStateName
  | WorkerStateName

/** Classes of the style sheet: at work; not yet; something is wrong; past. */
const tones: Record<StateName, 'good' | 'busy' | 'bad' | 'over'> = {
  ALIVE: 'good',
  RUNNING: 'good',
  STANDBY: 'busy',
  RECOVERING: 'busy',
  COMPLETING_RECOVERY: 'busy',
  WAITING: 'busy',
  SUBMITTED: 'busy',
  RELAUNCHING: 'busy',
  LAUNCHING: 'busy',
  DECOMMISSIONED: 'busy',
  UNKNOWN: 'busy',
  DEAD: 'bad',
  FAILED: 'bad',
  ERROR: 'bad',
  LOST: 'bad',
  KILLED: 'over',
  FINISHED: 'over',
  EXITED: 'over',
}

/** @param state as the schema's enums name it */
export function stateBadge(state: string | undefined): Markup {
  const tone = tones[state as StateName] ?? 'over'
  return html`<span class="state ${tone}">${state ?? ''}</span>`
}

/** Beside a figure that says the same in words. */
export function useBar(used: number, total: number): Markup {
  const percent = total === 0 ? 0 : Math.min(100, (100 * used) / total)
  return html`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
    <path d="M0 0H${percent.toFixed(1)}V1H0z" />
  </svg>`
}
