/** What the lists of applications and drivers share. Pure. */
import { html, type Markup } from '../http/html.js'
import type { Place } from './links.js'
import { byOrder } from './model/cluster-model.js'
import type { Order, Row } from './model/table.js'

/** Newest first, as Spark lists applications and drivers. */
export function newestFirst<R extends Row & { readonly order: number }>(
  submittedMs: (row: R) => bigint,
): Order<R> {
  return {
    key: 'newest',
    compare: (a, b) => Number(submittedMs(b) - submittedMs(a)) || byOrder.compare(a, b),
  }
}

/** @returns where the history server shows an application that has ended, or null without one (P21) */
export function historyUrl(server: string | null | undefined, id: string): string | null {
  return server ? `${server.replace(/\/+$/, '')}/history/${encodeURIComponent(id)}` : null
}

/** A button that asks first, without scripts too: unfolding is the question, and it names what it is about. */
export function confirmedForm(
  action: string,
  { button, question }: { readonly button: string; readonly question: string },
): Markup {
  return html` <form method="post" action="${action}">
    <details>
      <summary aria-label="${question}?">${button}</summary>
      <button>${question}</button>
    </details>
  </form>`
}

export function killForm({ root }: Place, kind: 'application' | 'driver', id: string): Markup {
  const folder = kind === 'application' ? 'app/kill/' : 'driver/kill/'
  const action = `${root}${folder}?id=${encodeURIComponent(id)}&terminate=true`
  return confirmedForm(action, { button: 'kill', question: `Kill ${kind} ${id}` })
}
