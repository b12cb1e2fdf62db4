/** U7, P23, P55: what leaves the main thread for the Environment page. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { environmentFacts } from '../../src/master/environment.js'

const confDir = mkdtempSync(join(tmpdir(), 'magneto-environment-'))
afterEach(() => rmSync(join(confDir, 'metrics.properties'), { force: true }))

const HIDDEN = '*********(redacted)'

function facts(entries: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  const origins = new Map(Object.keys(entries).map((name) => [name, `x.conf line ${name.length}`]))
  return environmentFacts(
    {
      host: 'master',
      port: 7077,
      webUiPort: 8080,
      publicHost: 'master',
      home: join(import.meta.dirname, '../..'),
      confDir,
      configuration: new Configuration(Object.entries(entries), origins),
    },
    env,
  )
}

const valueOf = (all: readonly { name: string; value: string }[], name: string) =>
  all.find((one) => one.name === name)?.value

test('U7: what was set, sorted, with where it was', () => {
  expect(facts({ 'spark.b': '2', 'spark.a': '1' }).spark).toEqual([
    { name: 'spark.a', value: '1', origin: 'x.conf line 7' },
    { name: 'spark.b', value: '2', origin: 'x.conf line 7' },
  ])
})

test('U7: the runtime and the machine', () => {
  const { runtime, system } = facts({})
  expect(valueOf(runtime, 'Node Version')).toBe(process.version)
  expect(valueOf(runtime, 'Magneto Version')).toMatch(/^\d+\.\d+\.\d+$/)
  expect(valueOf(runtime, 'Heap Limit')).toMatch(/^[1-9]\d+ MiB$/)
  expect(valueOf(system, 'Architecture')).toBe(process.arch)
  expect(valueOf(system, 'Working Directory')).toBe(process.cwd())
})

test('P55: what looks secret by its name or value does not leave the thread, wherever it stands', () => {
  writeFileSync(join(confDir, 'metrics.properties'), '*.sink.graphite.host=token-of-mine\n')
  const { spark, metrics, variables } = facts(
    { 'spark.my.password': 'a', 'spark.plain': 'the SECRET', 'spark.rest': 'shown' },
    { LAB_TOKEN: 'b', LAB_NAME: 'west' },
  )
  expect(valueOf(spark, 'spark.my.password')).toBe(HIDDEN)
  expect(valueOf(spark, 'spark.plain')).toBe(HIDDEN)
  expect(valueOf(spark, 'spark.rest')).toBe('shown')
  expect(valueOf(metrics, '*.sink.graphite.host')).toBe(HIDDEN)
  // P23: none unless its prefix is named.
  expect(variables).toEqual([])
})

test('P55: the operator says what looks secret', () => {
  const { spark } = facts({ 'spark.redaction.regex': '(?i)shoe', 'spark.shoeSize': '44' })
  expect(valueOf(spark, 'spark.shoeSize')).toBe(HIDDEN)
})

test('P23: variables by their prefixes', () => {
  const prefixes = { 'spark.master.ui.visibleEnvVarPrefixes': 'LAB_,HOST' }
  const env = { LAB_TOKEN: 'b', LAB_NAME: 'west', HOSTNAME: 'm', OTHER: 'x' }
  expect(facts(prefixes, env).variables).toEqual([
    { name: 'HOSTNAME', value: 'm' },
    { name: 'LAB_NAME', value: 'west' },
    { name: 'LAB_TOKEN', value: HIDDEN },
  ])
})

test('U7: metrics with their defaults, of which the last word counts', () => {
  writeFileSync(
    join(confDir, 'metrics.properties'),
    'master.sink.servlet.path=/own\n*.sink.console.class=a\n',
  )
  const { metrics } = facts({ 'spark.metrics.conf.*.sink.console.class': 'b' })
  expect(valueOf(metrics, 'master.sink.servlet.path')).toBe('/own')
  expect(valueOf(metrics, '*.sink.console.class')).toBe('b')
  expect(metrics.find(({ name }) => name === '*.sink.servlet.path')?.origin).toBe('built in')
})
