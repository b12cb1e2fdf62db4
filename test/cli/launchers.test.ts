/** B10: bin/magneto and bin/spark-class become the Node process, from anywhere. */
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Installation, MASTER, said, WORKER } from '../sbin/installation.js'

const FAKE_MAIN = `console.log(JSON.stringify({
  pid: process.pid,
  argv: process.argv.slice(2),
  home: process.env.MAGNETO_HOME,
  conf: process.env.SPARK_CONF_DIR,
  mark: process.env.MARK,
  arenas: process.env.MALLOC_ARENA_MAX,
  flags: process.execArgv,
}))
`

let here: Installation
beforeEach(() => {
  here = new Installation({ realLauncher: true })
  mkdirSync(join(here.home, 'dist', 'src', 'cli'), { recursive: true })
  main(FAKE_MAIN)
})
afterEach(() => here.remove())

function main(text: string): void {
  writeFileSync(join(here.home, 'dist', 'src', 'cli', 'main.js'), text)
}

function answer(script: string, args: string[], env: NodeJS.ProcessEnv = {}): unknown {
  const { status, output } = here.run(script, args, env)
  expect(status).toBe(0)
  return JSON.parse(output)
}

describe('B10: what runs', () => {
  test.each([
    ['bin/spark-class', [MASTER, '--port', '1'], [MASTER, '--port', '1']],
    ['bin/spark-class', [WORKER, 'two words'], [WORKER, 'two words']],
    ['bin/magneto', ['master', '-h', 'x'], [MASTER, '-h', 'x']],
    ['bin/magneto', ['worker'], [WORKER]],
    ['bin/magneto', ['version'], ['version']],
    ['bin/magneto', [], []],
  ])('%s %j', (script, args, argv) => {
    expect(answer(script, args)).toMatchObject({ argv, home: here.home })
  })

  test('the daemon is the process that was started', async () => {
    main('console.log(`pid ${process.pid}`); process.stdin.resume()')
    const child = here.spawn('bin/spark-class', [MASTER])
    const exited = once(child, 'exit')
    await said(child, `pid ${child.pid}\n`)
    child.kill('SIGTERM')
    expect(await exited).toEqual([null, 'SIGTERM'])
  })

  test('two arenas of glibc for the master, unless told otherwise; a worker would hand them on', () => {
    expect(answer('bin/magneto', ['master'])).toMatchObject({ arenas: '2' })
    const env = { MALLOC_ARENA_MAX: '7' }
    expect(answer('bin/spark-class', [MASTER], env)).toMatchObject({ arenas: '7' })
    expect(answer('bin/spark-class', [WORKER])).not.toHaveProperty('arenas')
  })

  test('room for what the master’s messages leave behind', () => {
    const flags = ['--initial-old-space-size=64']
    expect(answer('bin/magneto', ['master'])).toMatchObject({ flags })
    expect(answer('bin/spark-class', [WORKER])).toMatchObject({ flags: [] })
  })

  test('through a chain of symbolic links', () => {
    symlinkSync(join(here.home, 'bin', 'magneto'), join(here.path, 'first'))
    symlinkSync('first', join(here.path, 'second'))
    expect(answer('path/second', ['version'])).toMatchObject({ home: here.home })
  })
})

describe('B10, F1: spark-env.sh', () => {
  test('is read and exported, with its guard', () => {
    here.conf('spark-env.sh', 'MARK="${MARK:-}once"\n')
    expect(answer('bin/magneto', ['master'])).toMatchObject({
      mark: 'once',
      conf: join(here.home, 'conf'),
    })
    expect(answer('bin/magneto', ['master'], { SPARK_ENV_LOADED: '1' })).not.toHaveProperty('mark')
  })

  test('is read once when scripts start each other', () => {
    here.conf('spark-env.sh', 'MARK="${MARK:-}once"\nSPARK_NO_DAEMONIZE=1\n')
    expect(answer('sbin/start-master.sh', [])).toMatchObject({ mark: 'once' })
  })
})

/** Checks that it is, and returns the line. */
function refused(args: string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, output } = here.run('bin/spark-class', args, env)
  expect(status).toBe(1)
  expect(output.trim().split('\n')).toHaveLength(1)
  return output
}

describe('one clear line and status 1', () => {
  test('no class', () => {
    expect(refused([])).toContain('Usage: spark-class <class>')
  })

  test('no Node', () => {
    expect(refused([MASTER], { MAGNETO_NODE: '/none' })).toContain('Node.js was not found')
  })

  test('an old Node', () => {
    const old = here.program('path/old', '#!/bin/sh\necho v18.20.1\n')
    expect(refused([MASTER], { MAGNETO_NODE: old })).toContain('Node.js 18.20.1 is too old')
  })

  test('not built', () => {
    here.remove()
    here = new Installation({ realLauncher: true })
    expect(refused([MASTER])).toContain('not built: run "npm install && npm run build"')
  })

  test('a class that is not ours, without a distribution', () => {
    expect(refused(['x.Y'])).toContain('x.Y is not a class of Magneto: set SPARK_HOME')
    expect(refused(['x.Y'], { SPARK_HOME: here.home })).toContain('set SPARK_HOME')
  })
})

test('a class that is not ours goes to the distribution', () => {
  mkdirSync(join(here.home, 'spark', 'bin'), { recursive: true })
  here.program('spark/bin/spark-class', '#!/bin/sh\necho "theirs: $*"\n')
  const env = { SPARK_HOME: join(here.home, 'spark') }
  expect(here.run('bin/spark-class', ['x.Y', 'a'], env)).toEqual({
    status: 0,
    output: 'theirs: x.Y a\n',
  })
})
