/** What a daemon reads but does not act on is said once at start, never swallowed (spec 5a, 5b). */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { keys } from '../../src/conf/keys.js'
import { noEffectWarning, SERVED } from '../../src/conf/no-effect.js'
import { isRefusable } from '../../src/conf/unserved.js'

const warning = (entries: [string, string][], daemon: 'master' | 'worker' = 'master') =>
  noEffectWarning(new Configuration(entries), daemon)

describe('settings without effect', () => {
  test('P54: are named in one line', () => {
    const entries: [string, string][] = [
      ['spark.deploy.appNumberModulo', '1000'],
      ['spark.master.ui.visibleEnvVarPrefixes', 'x'],
      ['spark.deploy.recoverySerializationFilter', '*'],
      ['spark.metrics.namespace', 'y'],
      ['spark.metrics.conf.*.sink.csv.period', '20'],
      ['spark.ui.jettyStopTimeout', '5s'],
      ['spark.deploy.defaultCores', '4'],
    ]
    expect(warning(entries)).toBe(
      'no effect on the master in this release: spark.deploy.recoverySerializationFilter, ' +
        'spark.metrics.namespace, spark.ui.jettyStopTimeout',
    )
  })

  test('are those of the daemon that starts', () => {
    const entries: [string, string][] = [
      ['spark.worker.ui.retainedExecutors', '7'],
      ['spark.shuffle.service.port', '7338'],
      ['spark.resources.discoveryPlugin', 'x.Y'],
      ['spark.master.rest.maxThreads', '3'],
    ]
    expect(warning(entries, 'worker')).toBe(
      'no effect on the worker in this release: spark.resources.discoveryPlugin, spark.shuffle.service.port',
    )
    expect(warning(entries, 'master')).toMatch(/: spark\.master\.rest\.maxThreads$/)
  })

  test('are none where the release does what was asked for', () => {
    expect(warning([['spark.worker.cleanup.enabled', 'true']], 'worker')).toBeNull()
    expect(warning([['spark.master.rest.enabled', 'false']])).toBeNull()
    expect(warning([['spark.master.rest.port', '6067']])).toBeNull()
    expect(warning([['spark.authenticate', 'false']])).toBeNull()
    expect(warning([['spark.decommission.enabled', 'true']])).toBeNull()
    expect(warning([['spark.master.ui.decommission.allow.mode', 'ALLOW']])).toBeNull()
    expect(warning([['spark.app.name', 'x']])).toBeNull()
    expect(warning([])).toBeNull()
  })

  test('P32, P35: are those that ask for what this worker does otherwise', () => {
    const address = 'spark.worker.preferConfiguredMasterAddress'
    expect(warning([[address, 'true']], 'worker')).toBeNull()
    expect(warning([[address, 'false']], 'worker')).toContain(address)
    const attempts = 'spark.worker.executorStateSync.maxAttempts'
    expect(warning([[attempts, '5']], 'worker')).toContain(attempts)
  })

  test('stay one bounded line however many they are', () => {
    const many = Array.from({ length: 100 }, (_, at): [string, string] => [
      `spark.metrics.${at}.${'x'.repeat(300)}`,
      '',
    ])
    const line = warning(many)!
    expect(line).toMatch(/ and 60 more$/)
    expect(line.length).toBeLessThan(10_000)
  })
})

const source = join(import.meta.dirname, '../../src')

function textOf(...folders: string[]): string {
  const files = folders.flatMap((folder) =>
    readdirSync(join(source, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  )
  return files.map((name) => readFileSync(join(source, name), 'utf8')).join('\n')
}

/** Said to be served without a use in the daemon's own folder; no-effect.ts has the reasons. */
const ELSEWHERE = new Set<unknown>([
  keys.masterUiPort,
  keys.workerUiPort,
  keys.sparkHomes,
  keys.structuredLogging,
  keys.metricsConf,
])

describe.each(['master', 'worker'] as const)('the list of what the %s serves', (daemon) => {
  const own = daemon === 'master' ? ['master', 'election'] : [daemon]
  const text = textOf(...own, 'security')
  const used = Object.entries(keys).filter(([name]) =>
    new RegExp(`\\bkeys\\.${name}\\b`).test(text),
  )

  test('has every setting that it uses', () => {
    const missing = used.filter(([, key]) => !SERVED[daemon].includes(key))
    const served = missing.filter(([, key]) => !isRefusable(key))
    expect(served.map(([name]) => name)).toEqual([])
  })

  test('has no other', () => {
    const usedKeys = new Set<unknown>(used.map(([, key]) => key))
    const idle = SERVED[daemon].filter((key) => !usedKeys.has(key) && !ELSEWHERE.has(key))
    expect(idle.map(({ name }) => name)).toEqual([])
  })
})
