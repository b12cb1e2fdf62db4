/** U7: the Environment page. */
import { expect, test } from 'vitest'

import { Environment, environmentPage } from '../../src/ui/environment-page.js'

const hostile = '<script>alert(1)</script>'
const shown = new Environment({
  runtime: [{ name: 'Node Version', value: 'v20' }],
  spark: [
    { name: 'spark.b', value: hostile, origin: 'conf/spark-defaults.conf line 3' },
    { name: 'spark.a', value: '1' },
  ],
  system: [],
  metrics: [{ name: '*.sink.x', value: 'y' }],
  variables: [],
})

const page = (query = '', path = '/environment/') =>
  environmentPage(shown, { path, parameters: new URLSearchParams(query) })

test('U7: the sections of Spark, each with what it has', () => {
  const headings = [...page().matchAll(/<h2 id="(\w+)">([^<]*)</g)].map(([, id, text]) => [
    id,
    text,
  ])
  expect(headings).toEqual([
    ['runtime', 'Runtime Information (1)'],
    ['spark', 'Spark Properties (2)'],
    ['system', 'System Properties (2)'],
    ['metrics', 'Metrics Properties (1)'],
    ['variables', 'Environment Variables (0)'],
  ])
})

test("U7: locale and time zone are the process of the page's own", () => {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const [, shownZone] = /<td>Time Zone<\/td>\s*<td>([^<]*)</.exec(page()) ?? []
  expect(shownZone).toBe(timeZone)
})

test('U7: each can be searched and sorted, by name, value and where it was set', () => {
  const names = (query: string) =>
    [...page(query).matchAll(/<td>(spark\.\w)</g)].map(([, name]) => name)
  expect(names('')).toEqual(['spark.b', 'spark.a'])
  expect(names('spark.sort=name')).toEqual(['spark.a', 'spark.b'])
  expect(names('spark.q=defaults.conf')).toEqual(['spark.b'])
  expect(page('spark.q=defaults.conf')).toContain('Runtime Information (1)')
  expect(page().match(/type="search"/g)).toHaveLength(4)
})

test('U7: where it was set has a column only where that is known', () => {
  expect(page().match(/>Set in</g)).toHaveLength(1)
})

test('values stay text, and links hold below another path', () => {
  expect(page()).not.toContain(hostile)
  expect(page()).toContain('<a href="../">Back to Master</a>')
  expect(page('', '/Environment')).toContain('<a href="./">Back to Master</a>')
  expect(page('', '/Environment')).toContain('action="Environment#spark"')
})
