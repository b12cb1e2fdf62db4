import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  chooseDriverHome,
  chooseSparkHome,
  findSparkHomes,
  runtimesOf,
} from '../../src/worker/spark-homes.js'

let root = ''

async function distribution(name: string, jar: string | null, release: string | null) {
  await mkdir(join(root, name, 'jars'), { recursive: true })
  if (jar !== null) await writeFile(join(root, name, 'jars', jar), '')
  if (release !== null) await writeFile(join(root, name, 'RELEASE'), release)
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-homes-'))
  await distribution('a', 'spark-core_2.13-4.3.0.jar', null)
  await distribution('b', 'spark-core_2.12-3.5.9.jar', 'Spark 9.9.9 built for Hadoop 3')
  await distribution('c', null, 'Spark 4.3.1 (git revision 1) built for Hadoop 3.4.1')
  await distribution('empty', 'spark-core-test.jar', null)
})
afterAll(() => rm(root, { recursive: true, force: true }))

const find = (...names: string[]) => findSparkHomes(names.map((name) => join(root, name)))

describe('distributions', () => {
  test('are told by their jar, else by RELEASE; the order is kept', async () => {
    const { homes, problems } = await find('a', 'b', 'c')
    expect(homes.map((home) => `${home.version} ${home.runtime}`)).toEqual([
      '4.3.0 spark-4.3',
      '3.5.9 spark-3.5',
      '4.3.1 spark-4.3',
    ])
    expect(problems).toEqual([])
    const executors = ['node', 'spark-4.3', 'spark-3.5']
    const drivers = ['node-driver', 'spark-4.3-driver', 'spark-3.5-driver']
    expect(runtimesOf(homes)).toEqual([...executors, ...drivers])
  })

  test('a folder without one is named and costs nothing else', async () => {
    const { homes, problems } = await find('empty', 'missing', 'a')
    expect(homes).toHaveLength(1)
    expect(problems.join('\n')).toMatch(/empty holds no Spark.*\n.*missing holds no Spark/)
  })

  test('none at all leaves Node', () => {
    expect(runtimesOf([])).toEqual(['node', 'node-driver'])
  })
})

describe('the choice', () => {
  test.each([
    ['4.3.1', 'spark-4.3', '4.3.1'],
    ['4.3.7', 'spark-4.3', '4.3.0'],
    ['4.3', 'spark-4.3', '4.3.0'],
    ['3.5.1', 'spark-3.5', '3.5.9'],
    [null, 'spark-3.5', '3.5.9'],
  ])('of an application for %s (%s) is %s', async (version, runtime, expected) => {
    const { homes } = await find('a', 'b', 'c')
    expect(chooseSparkHome(homes, version, runtime).version).toBe(expected)
  })

  test('of one that nothing here can serve says what there is', async () => {
    const { homes } = await find('a')
    expect(() => chooseSparkHome(homes, '4.1.4', 'spark-4.1')).toThrow(
      /no Spark for an application built for 4\.1\.4; it has 4\.3\.0 \(.*\/a\)\. Set SPARK_HOME/,
    )
    expect(() => chooseSparkHome([], null, 'spark-4.1')).toThrow(/spark-4\.1; it has none/)
  })
})

describe('the choice for drivers', () => {
  const both = ['spark-3.5-driver', 'spark-4.3-driver']
  test.each([
    ['exactly the version that it names', '4.3.1', ['spark-4.3-driver'], '4.3.1'],
    ['else the first of the same minor', '4.3.7', ['spark-4.3-driver'], '4.3.0'],
    ['a version before its runtimes', '3.5', both, '3.5.9'],
    ['without a version, the newest that it lists', null, both, '4.3.0'],
    ['the newest that is here', null, ['spark-3.5-driver', 'spark-4.9-driver'], '3.5.9'],
  ])('%s', async (_, version, runtimes, expected) => {
    const { homes } = await find('a', 'b', 'c')
    expect(chooseDriverHome(homes, version, runtimes).version).toBe(expected)
  })

  test('of one that nothing here can serve says what there is', async () => {
    const { homes } = await find('a')
    expect(() => chooseDriverHome(homes, null, ['spark-4.1-driver', 'spark-4.2-driver'])).toThrow(
      /no Spark for a driver for spark-4\.1-driver or spark-4\.2-driver; it has 4\.3\.0 /,
    )
    expect(() => chooseDriverHome(homes, '4.1.4', ['spark-4.3-driver'])).toThrow(/for 4\.1\.4; /)
  })
})
