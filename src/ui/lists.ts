/** What the lists of applications and drivers share. Pure. */
import { html, type Markup } from '../http/html.js'

/** Newest first, as Spark lists applications and drivers. */
export function newestFirst<T extends { readonly submittedMs: bigint }>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => Number(b.submittedMs - a.submittedMs))
}

/** @returns where the history server shows an application that has ended, or null without one (P21) */
export function historyUrl(server: string | null | undefined, id: string): string | null {
  return server ? `${server.replace(/\/+$/, '')}/history/${encodeURIComponent(id)}` : null
}

export function killForm(kind: 'application' | 'driver', id: string): Markup {
  const folder = kind === 'application' ? '/app/kill/' : '/driver/kill/'
  const action = `${folder}?id=${encodeURIComponent(id)}&terminate=true`
  return html` <form method="post" action="${action}">
    <button aria-label="Kill ${kind} ${id}">kill</button>
  </form>`
}
