/** The table of keys: defaults, alternatives, and slips of the pen. */
import { expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { allKeys, keys } from '../../src/conf/keys.js'
import { nearestKey, unknownKeyWarnings } from '../../src/conf/known-keys.js'

test('every key has a name of its own, a line of documentation and an id', () => {
  const names = allKeys.flatMap((key) => [key.name, ...(key.alternatives ?? [])])
  expect(new Set(names).size).toBe(names.length)
  for (const key of allKeys) {
    expect(key.name).toMatch(/^spark\.[A-Za-z.]+$/)
    expect(key.doc).toMatch(/\.$/)
    expect(key.spec).toMatch(/^(P\d+|R\d+|V\d|F\d|M)$/)
  }
})

test('nothing set: every default can be read', () => {
  const nothing = new Configuration()
  for (const key of allKeys) expect(() => nothing.read(key)).not.toThrow()
  expect(nothing.read(keys.workerTimeoutMs)).toBe(60_000)
  expect(nothing.read(keys.restEnabled)).toBe(true)
  expect(nothing.read(keys.rpcAskTimeoutMs)).toBe(120_000)
  expect(nothing.read(keys.redactionPattern).test('MY_Access.Key')).toBe(true)
})

test('P60: a default may follow another key', () => {
  const configuration = new Configuration([['spark.network.timeout', '5']])
  expect(configuration.read(keys.rpcAskTimeoutMs)).toBe(5_000)
})

test('P11: the name beats its alternative', () => {
  const alternative: [string, string] = ['spark.deploy.spreadOut', 'false']
  expect(new Configuration([alternative]).read(keys.spreadOutApps)).toBe(false)
  const both = new Configuration([alternative, ['spark.deploy.spreadOutApps', 'true']])
  expect(both.read(keys.spreadOutApps)).toBe(true)
})

test.each([
  ['spark.worker.timout', 'spark.worker.timeout'],
  ['spark.deploy.retainedApps', 'spark.deploy.retainedApplications'],
  ['spark.magneto.sparkHome', 'spark.magneto.sparkHomes'],
])('%s is near %s', (name, nearest) => {
  expect(nearestKey(name)).toBe(nearest)
})

test('only our prefixes are judged, and free parts are known', () => {
  const names = [
    'spark.executor.memori',
    'spark.worker.resource.gpu.discoveryScript',
    'spark.master',
  ]
  expect(unknownKeyWarnings(new Configuration(names.map((name) => [name, '1'])))).toEqual([])
  expect(
    unknownKeyWarnings(new Configuration([['spark.deploy.zzzzzzzzzzzzzzzzzzzzzz', '']])),
  ).toEqual(['unknown key spark.deploy.zzzzzzzzzzzzzzzzzzzzzz has no effect'])
})

test('P39: a signal that a process can spare, with any case', () => {
  const read = (name: string) =>
    new Configuration([['spark.worker.decommission.signal', name]]).read(
      keys.workerDecommissionSignal,
    )
  expect(read('pwr')).toBe('PWR')
  for (const name of ['TERM', 'KILL', 'SIGPWR', '']) {
    expect(() => read(name)).toThrow(/spark\.worker\.decommission\.signal: .* is not one of PWR/)
  }
})
