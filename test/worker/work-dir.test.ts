import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import {
  createPrivateDirs,
  executorDir,
  localDirRoots,
  prepareWorkDir,
  removePrivateDirs,
} from '../../src/worker/work-dir.js'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-dirs-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('W2: folders of executors', () => {
  test('<work>/<appId>/<execId>', () => {
    expect(executorDir('/w', 'app-20261121-0000', 12)).toBe('/w/app-20261121-0000/12')
    expect(executorDir('/w', 'münchen..pi', 0)).toBe('/w/münchen..pi/0')
  })

  test.each([
    '',
    '.',
    '..',
    '../x',
    '/etc',
    'a/b',
    'a/../../b',
    'a\\b',
    'a\0b',
    'a\nb',
    'x'.repeat(256),
  ])('no application id leads out of it: %j', (appId) => {
    expect(() => executorDir('/w', appId, 0)).toThrow(/is no folder name/)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 32])('no executor id either: %s', (executorId) => {
    expect(() => executorDir('/w', 'app', executorId)).toThrow(/no whole number/)
  })
})

describe('C12: the work folder', () => {
  test('is made with all above it', async () => {
    await prepareWorkDir(join(root, 'a', 'b'))
    expect((await stat(join(root, 'a', 'b'))).isDirectory()).toBe(true)
  })

  test('a file in its place is told', async () => {
    await writeFile(join(root, 'file'), '')
    await expect(prepareWorkDir(join(root, 'file'))).rejects.toThrow(/can't be used.*--work-dir/)
  })
})

describe('E9, P44: scratch roots', () => {
  test.each([
    [{ SPARK_LOCAL_DIRS: '/a, /b,,/a' }, ['/c'], ['/a', '/b']],
    [{}, ['/c', '/d'], ['/c', '/d']],
    [{ SPARK_LOCAL_DIRS: ' ' }, [], ['/tmp']],
  ])('%j and %j: %j', (env, configured, expected) => {
    expect(localDirRoots(env, configured, '/tmp')).toEqual(expected)
  })
})

describe('W3: scratch folders', () => {
  test('one private folder under each root that takes one', async () => {
    await writeFile(join(root, 'file'), '')
    await mkdir(join(root, 'good'))
    const created = await createPrivateDirs([join(root, 'file'), join(root, 'good')], 'executor')
    expect(created.dirs).toHaveLength(1)
    expect(dirname(created.dirs[0] ?? '')).toBe(join(root, 'good'))
    expect(basename(created.dirs[0] ?? '')).toMatch(/^executor-[0-9a-f-]{36}$/)
    expect((await stat(created.dirs[0] ?? '')).mode & 0o777).toBe(0o700)
    expect(created.problems).toHaveLength(1)
  })

  test('none left is an error that names them', async () => {
    await writeFile(join(root, 'file'), '')
    await expect(createPrivateDirs([join(root, 'file')], 'spark')).rejects.toThrow(
      /no scratch folder can be used.*file/,
    )
  })

  test('are removed with what is in them, and nothing else is', async () => {
    const { dirs } = await createPrivateDirs([root], 'executor')
    await writeFile(join(dirs[0] ?? '', 'block'), 'x')
    await removePrivateDirs(dirs)
    expect(await readdir(root)).toEqual([])
    await expect(removePrivateDirs([root])).rejects.toThrow(/no scratch folder/)
    expect(await readdir(root)).toEqual([])
  })
})
