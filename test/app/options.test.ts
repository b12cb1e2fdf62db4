import { resolve } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'

import { OptionError } from '../../src/app/errors.js'
import { type ClusterPoolOptions, parseOptions } from '../../src/app/options.js'

const good = { master: 'spark://one:7077', filename: 'task.js' }

describe('options', () => {
  test('defaults, relative paths, URLs and several masters', () => {
    expect(parseOptions(good)).toMatchObject({
      modulePath: resolve('task.js'),
      executorMemoryMib: 1024,
      executorCores: 0,
      maxCores: null,
      maxRetries: 3,
    })
    const two = parseOptions({ master: 'spark://a:1,[::1]:2', filename: new URL('file:///x/y.js') })
    expect(two).toMatchObject({ modulePath: '/x/y.js' })
    expect(two.masters).toEqual([
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
    ])
    expect(parseOptions({ ...good, executorMemory: '2g' }).executorMemoryMib).toBe(2048)
    expect(parseOptions({ ...good, executorMemory: 300 }).executorMemoryMib).toBe(300)
  })

  test.each([
    ['master', { master: 'http://one:7077' }],
    ['master', { master: 'spark://one' }],
    ['master', { master: 'spark://one:70777' }],
    ['master', { master: undefined }],
    ['filename', { filename: '' }],
    ['filename', { filename: 'file://host/x.js' }],
    ['maxCores', { maxCores: 0 }],
    ['executorCores', { executorCores: 1.5 }],
    ['executorMemory', { executorMemory: '512' }],
    ['executorMemory', { executorMemory: -1 }],
    ['executorResources.gpu', { executorResources: { gpu: 0.5 } }],
    ['executorResources', { executorResources: 'gpu' }],
    ['env', { env: { MAGNETO_APP_TOKEN: 'x' } }],
    ['env.A', { env: { A: 1 } }],
    ['maxQueue', { maxQueue: 0 }],
    ['port', { port: 65_536 }],
    ['colour', { colour: 'red' }],
  ])('%s is refused by name: %j', (name, wrong) => {
    const options = { ...good, ...wrong } as unknown as ClusterPoolOptions
    expect(() => parseOptions(options)).toThrow(OptionError)
    expect(() => parseOptions(options)).toThrow(new RegExp(`option ${name}\\b`))
  })
})

describe('MAGNETO_MASTER', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  test('counts when no master is named, and only then', () => {
    vi.stubEnv('MAGNETO_MASTER', 'spark://cluster:7077')
    const { master: _, ...unnamed } = good
    expect(parseOptions(unnamed).masters).toEqual([{ host: 'cluster', port: 7077 }])
    expect(parseOptions(good).masterUrl).toBe('spark://one:7077')
  })

  test.each(['', undefined])('%j is none', (value) => {
    vi.stubEnv('MAGNETO_MASTER', value)
    expect(() => parseOptions({ filename: 'x.js' })).toThrow(
      /option master is missing: .* here or in MAGNETO_MASTER/,
    )
  })

  test('is held to the same form', () => {
    vi.stubEnv('MAGNETO_MASTER', 'cluster:7077')
    expect(() => parseOptions({ filename: 'x.js' })).toThrow(OptionError)
  })
})
