/** Every shell script is clean under shellcheck. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { root } from './installation.js'

const installed = spawnSync('shellcheck', ['--version']).status === 0

test('shellcheck finds nothing', (context) => {
  if (!installed && !process.env['CI']) {
    context.skip('shellcheck is not installed: the scripts were NOT checked')
  }
  const scripts = ['bin', 'sbin', 'examples/gpu']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
    .filter((file) => !/\.(md|ts|conf)$/.test(file))
  expect(scripts.length).toBeGreaterThan(10)
  const done = spawnSync('shellcheck', ['-x', ...scripts, 'conf/spark-env.sh.template'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(done.error).toBeUndefined()
  expect(done.stdout + done.stderr).toBe('')
  expect(done.status).toBe(0)
})
