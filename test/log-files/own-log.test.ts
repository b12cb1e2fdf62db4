/** U8, Y1: a daemon's own log is found wherever it is. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { ownLog } from '../../src/log-files/own-log.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magneto-own-log-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const className = 'org.apache.spark.deploy.worker.Worker'

test('Y1: where the output of this process goes', async () => {
  const log = join(folder, 'anywhere.txt')
  await writeFile(log, '')
  await symlink(log, join(folder, 'fd1'))
  const standardOutput = join(folder, 'fd1')
  expect(await ownLog({ logDir: '/nowhere', className, standardOutput })).toBe(log)
})

test('U8: by its name among the logs of all daemons, when that is not known', async () => {
  const standardOutput = join(folder, 'fd1')
  expect(await ownLog({ logDir: folder, className, standardOutput })).toBeNull()
  for (const name of ['master.Master-1', 'worker.Worker-2', 'worker.Worker-1']) {
    await writeFile(join(folder, `spark-me-org.apache.spark.deploy.${name}-here.out`), '')
  }
  await writeFile(join(folder, `spark-me-${className}-0-here.out.1`), '')
  const first = join(folder, `spark-me-${className}-1-here.out`)
  expect(await ownLog({ logDir: folder, className, standardOutput })).toBe(first)
  // A pipe, a terminal, a file that is gone.
  for (const target of ['pipe:[1]', '/dev/null', join(folder, 'gone (deleted)')]) {
    await rm(standardOutput, { force: true })
    await symlink(target, standardOutput)
    expect(await ownLog({ logDir: folder, className, standardOutput })).toBe(first)
  }
  expect(await ownLog({ logDir: '/nowhere', className, standardOutput })).toBeNull()
})
