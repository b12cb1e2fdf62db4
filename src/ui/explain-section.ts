/** Why something waits, for people: the section of a page. Pure. */
import {
  Limit,
  type ClosestFitT,
  type ExplanationT,
  type ResourceAmountT,
} from '../schema/magneto.js'
import { explainPath, type Explained } from './explain.js'
import { amountsText, memoryText } from './format.js'
import { html, type Fragment, type Markup } from '../http/html.js'
import { facts, foldable } from '../http/layout.js'
import type { Place } from './links.js'

function jsonLink({ root }: Place, { kind, id }: Explained): Markup {
  return html`<a href="${root}${explainPath(kind, id).slice(1)}">as JSON</a>`
}

/** Why it waits, in place; nothing where nothing waits. */
export function whyFold(place: Place, explained: Explained): Fragment {
  const { kind, id, explanations } = explained
  if (explanations.length === 0) return null
  const said = explanations.map(({ reason, advice }) => html`<p>${reason}<br />${advice}</p> `)
  return html` <details>
    <summary aria-label="Why ${kind} ${id} waits">why</summary>
    ${said} ${jsonLink(place, explained)}
  </details>`
}

function sizeText(cores: number, memoryMb: number, resources: readonly ResourceAmountT[]): string {
  return [
    ...(cores === 0 ? [] : [`${cores} ${cores === 1 ? 'core' : 'cores'}`]),
    ...(memoryMb === 0 ? [] : [memoryText(memoryMb)]),
    ...(resources.length === 0 ? [] : [amountsText(resources)]),
  ].join(', ')
}

const limits: Record<Limit, string> = {
  [Limit.NONE]: 'none',
  [Limit.CORES_MAX]: 'it has all cores it may have',
  [Limit.EXECUTOR_LIMIT]: 'it has all executors it asks for',
  [Limit.MAX_DRIVERS]: 'as many drivers run as may',
  [Limit.MASTER_STATE]: 'the master does not schedule in its state',
  [Limit.EARLIER]: 'what fits goes to those before it',
}

function workersText(explanation: ExplanationT): string {
  const ruledOut: [number, string][] = [
    [explanation.ruledOutByState - explanation.unhealthy, 'not alive'],
    [explanation.unhealthy, 'unhealthy'],
    [explanation.ruledOutByRuntime, 'without its runtime'],
    [explanation.ruledOutByCores, 'without the cores'],
    [explanation.ruledOutByMemory, 'without the memory'],
    [explanation.ruledOutByResources, 'without the resources'],
  ]
  const counted = ruledOut.filter(([count]) => count > 0).map(([count, why]) => `${count} ${why}`)
  const fitting = `${explanation.fitting} fit now`
  const idle = `${explanation.fittingWhenIdle} more would if idle`
  return `${explanation.workers}: ${[...counted, fitting, idle].join(', ')}`
}

function closestText(closest: ClosestFitT): string {
  const missing = sizeText(closest.coresMissing, closest.memoryMissingMb, closest.resourcesMissing)
  const lacks = missing === '' ? 'lacks nothing' : `lacks ${missing}`
  return `${closest.workerId} ${lacks}${closest.fitsWhenIdle ? '; it would fit if idle' : ''}`
}

function oneProfile(kind: Explained['kind'], explanation: ExplanationT): Markup {
  const { closest, cores, memoryMb, resources, runtimes, wanted } = explanation
  const each = kind === 'driver' ? 'Takes' : 'Each executor takes'
  const rows: [string, Fragment][] = [
    [each, sizeText(cores, memoryMb, resources)],
    ['Runtime', runtimes.join(' or ')],
    ['Limit', limits[explanation.limit]],
    ['Workers', workersText(explanation)],
    ...(closest === null ? [] : [['Closest worker', closestText(closest)] as [string, Fragment]]),
  ]
  if (kind === 'application') {
    rows.unshift(
      ['Resource profile', explanation.profileId],
      ['Executors wanted', wanted ?? 'as many as fit'],
    )
  }
  return html`<p><strong>${explanation.reason}</strong><br />${explanation.advice}</p>
    ${facts(rows)} `
}

/** @returns null when nothing waits */
export function explainSection(place: Place, explained: Explained): Markup | null {
  const { kind, explanations } = explained
  if (explanations.length === 0) return null
  const body = html`${explanations.map((explanation) => oneProfile(kind, explanation))}
    <p>${jsonLink(place, explained)}</p>`
  return foldable('waiting', 'Why it waits', body)
}
