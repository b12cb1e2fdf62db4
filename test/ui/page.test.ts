import { describe, expect, test } from 'vitest'
import { applicationPage } from '../../src/ui/app-page.js'
import { clusterPage } from '../../src/ui/page.js'
import { applicationView, clusterView, workerView } from './views.js'

const hostile = `</td><script>alert(1)</script><img src=x onerror='a' "b" &amp;`

/** The tags of a document must close in order; the text between them does not matter here. */
function unclosedTags(document: string): string[] {
  const open: string[] = []
  const body = document.replace(/<style>[^]*?<\/style>/, '')
  for (const [, slash, name, rest] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    if (rest?.endsWith('/') === true) continue
    if (slash === '') open.push(name ?? '')
    else if (open.pop() !== name) return [`</${name}> closes something else`]
  }
  return open
}

describe('the first page', () => {
  test('U1: cluster facts', () => {
    const page = clusterPage(clusterView(), { killEnabled: true })
    expect(page).toContain('spark://master:7077')
    expect(page).toContain('1 alive, 1 dead, 0 decommissioned, 0 unknown')
    expect(page).toContain('8 total, 3 used')
  })

  test('U2: only a live worker is linked', () => {
    const page = clusterPage(clusterView(), { killEnabled: true })
    expect(page).toContain('<a href="http://10.0.0.1:8081/">worker-1</a>')
    expect(page).not.toMatch(/<a[^>]*>worker-2</)
  })

  test('U3: newest application first', () => {
    const page = clusterPage(
      clusterView({
        activeApplications: [
          applicationView('app-old', { submittedMs: 1n }),
          applicationView('app-new', { submittedMs: 2n }),
        ],
      }),
      { killEnabled: true },
    )
    expect(page.indexOf('app-new')).toBeLessThan(page.indexOf('app-old'))
  })

  test('U3, P46: kill buttons on running applications, only when kills are allowed', () => {
    const killable = clusterPage(clusterView(), { killEnabled: true })
    expect(killable.match(/<form /g)).toHaveLength(1)
    expect(killable).toContain('action="/app/kill/?id=app-1&amp;terminate=true"')
    expect(clusterPage(clusterView(), { killEnabled: false })).not.toContain('<form ')
  })
})

describe('safe and accessible pages', () => {
  test('hostile names stay text', () => {
    const view = clusterView({
      masterUrl: hostile,
      workers: [workerView(hostile, { host: hostile, runtimes: [hostile] })],
      activeApplications: [applicationView(hostile, { name: hostile, user: hostile })],
    })
    const page = clusterPage(view, { killEnabled: true })
    expect(page).not.toMatch(/<script|<img/)
    expect(unclosedTags(page)).toEqual([])
    const one = applicationPage(view.activeApplications[0] ?? null, 0)
    expect(one).not.toMatch(/<script|<img/)
    expect(unclosedTags(one)).toEqual([])
  })

  test.each(['javascript:alert(1)', 'data:text/html,x', 'not a url', ' JaVaScRiPt:x'])(
    'the URL %s of a driver or worker is no link',
    (uiUrl) => {
      const view = clusterView({
        workers: [workerView('worker-1', { webUiUrl: uiUrl })],
        activeApplications: [applicationView('app-1', { uiUrl })],
        completedApplications: [],
      })
      const links = [...clusterPage(view, { killEnabled: true }).matchAll(/href="([^"]*)"/g)]
      expect(links.map(([, target]) => target)).toEqual([
        '#running',
        '#completed',
        '/app/?appId=app-1',
      ])
    },
  )

  test('a document that closes every tag, names its language and heads its tables', () => {
    for (const page of [
      clusterPage(clusterView(), { killEnabled: true }),
      clusterPage(clusterView({ workers: [], activeApplications: [] }), { killEnabled: true }),
      applicationPage(applicationView('app-1'), 0),
      applicationPage(null, 0),
    ]) {
      expect(unclosedTags(page)).toEqual([])
      expect(page).toMatch(/^<!doctype html>/)
      expect(page).toContain('<html lang="en">')
      expect(page.match(/<table/g)?.length ?? 0).toBe(page.match(/<thead/g)?.length ?? 0)
    }
  })
})

describe('U6: the application page', () => {
  test('shows its executors', () => {
    const page = applicationPage(applicationView('app-1', { coresMax: 10 }), 0)
    expect(page).toContain('10 (3 granted, 7 left)')
    expect(page).toContain('Executor Summary (1)')
    expect(page).toContain('Removed Executors (0)')
  })

  test('an unknown id gets the page that says so', () => {
    expect(applicationPage(null, 0)).toContain('<title>Not Found</title>')
  })
})
