import { expect, test } from 'vitest'
import { createMasterCore } from '../../src/core/native.js'
import { configBytes, Driver } from './support.js'

test('a config that is no CoreConfig is refused', () => {
  expect(() => createMasterCore(new Uint8Array(3))).toThrow(/not a valid CoreConfig/)
})

test('P17: an id pattern without a number is refused with what was expected', () => {
  const config = configBytes({ appIdPattern: 'app-%s' })
  expect(() => createMasterCore(config)).toThrow(
    /'app-%s' is not usable: it has no place for the number.*\(spark\.deploy\.appIdPattern\)/,
  )
})

test('an inbox that is not made of records throws', () => {
  const { core } = new Driver()
  expect(() => core.step(0, 0, new Uint8Array(7))).toThrow(/ends inside a record header/)
})

test('arguments of a wrong type throw a TypeError', () => {
  const { core } = new Driver()
  const step = core.step.bind(core) as (...all: unknown[]) => unknown
  expect(() => step('now', 0, new Uint8Array())).toThrow(TypeError)
  expect(() => step(0, 0, [1])).toThrow(TypeError)
})
