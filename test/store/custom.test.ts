import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadCustom, type StoreOptions } from '../../src/store/custom.js'
import { StoreError } from '../../src/store/engine.js'

let folder: string
const cwd = process.cwd()
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'magneto-custom-'))))
afterEach(() => {
  process.chdir(cwd)
  rmSync(folder, { recursive: true, force: true })
})

const warned: string[] = []
const options: StoreOptions = {
  configuration: { 'spark.deploy.mine': 'yes' },
  log: { info: () => {}, warn: (text) => void warned.push(text), error: () => {} },
}

const body = `
  let made = 0
  const createStore = ({ configuration, log }) => {
    log.warn('made ' + ++made + ' ' + configuration['spark.deploy.mine'])
    return {
      open: async () => ({ records: [], damaged: [] }),
      commit: async () => {},
      close: async () => {},
    }
  }`

function module(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('CUSTOM (H6, P2)', () => {
  test('a module is given the configuration and the log, and makes an engine each time', async () => {
    warned.length = 0
    const make = await loadCustom(module('store.mjs', `${body}\nexport { createStore }`), options)
    expect(warned).toEqual([])
    const first = make()
    expect(make()).not.toBe(first)
    expect(warned).toEqual(['made 1 yes', 'made 2 yes'])
    expect(await first.open()).toEqual({ records: [], damaged: [] })
  })

  test('it is named by path, relative path, URL or package; CommonJS will do', async () => {
    const path = module('store.cjs', `${body}\nmodule.exports = { createStore }`)
    mkdirSync(join(folder, 'node_modules/my-store'), { recursive: true })
    module('node_modules/my-store/package.json', '{"name":"my-store","main":"main.cjs"}')
    module('node_modules/my-store/main.cjs', `${body}\nmodule.exports = { createStore }`)
    process.chdir(folder)
    for (const specifier of [path, './store.cjs', pathToFileURL(path).href, 'my-store'])
      expect(typeof (await loadCustom(specifier, options))().open).toBe('function')
  })

  test.each([
    ['', /needs spark\.deploy\.recoveryMode\.factory/],
    ['./missing.mjs', /can't load the store \.\/missing\.mjs: .*Cannot find/],
    ['no-such-package-here', /can't load the store no-such-package-here/],
  ])('what can not be loaded is named: %j', async (specifier, message) => {
    const loading = loadCustom(specifier, options)
    await expect(loading).rejects.toThrow(StoreError)
    await expect(loading).rejects.toThrow(message)
  })

  test('a module without createStore says what it has instead', async () => {
    await expect(
      loadCustom(module('a.mjs', 'export const makeStore = 1, other = 2'), options),
    ).rejects.toThrow(/exports no function createStore \(it exports: makeStore, other\)/)
    await expect(loadCustom(module('b.mjs', ''), options)).rejects.toThrow(/it exports: nothing/)
  })

  test('what it makes must be a store', async () => {
    const partly = module('c.mjs', 'export const createStore = () => ({ open() {} })')
    const make = await loadCustom(partly, options)
    expect(make).toThrow(/has no method commit, close/)
    const nothing = module('d.mjs', 'export const createStore = () => null')
    expect(await loadCustom(nothing, options)).toThrow(/has no method open, commit, close/)
    const fails = module('e.mjs', 'export const createStore = () => { throw new Error("no url") }')
    expect(await loadCustom(fails, options)).toThrow(/createStore of .* failed: Error: no url/)
  })
})
