/**
 * The built command line as a real process. The daemons are replaced by a module of a few lines, so that what is
 * tested is the process itself: statuses, signals, the handshake with sbin/spark-daemon.sh.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { Installation, isAlive, MASTER, root, said } from '../sbin/installation.js'

/** Ends with 5 after a stop; throws at the start when told so. */
const FAKE_MASTER = `
export async function startMaster(options) {
  if (process.env.FAKE_FAILS) throw new Error('no such port')
  let end
  const stopped = new Promise((fulfil) => { end = fulfil })
  const idle = setInterval(() => {}, 1000)
  console.log('up on ' + options.host + ':' + options.port)
  return { stopped, stop: async () => { console.log('stopping'); clearInterval(idle); end(5) } }
}
`

let here: Installation
beforeAll(() => {
  if (!existsSync(join(root, 'dist', 'src', 'cli', 'main.js'))) {
    throw new Error('not built: run npm run build')
  }
})
beforeEach(() => {
  here = new Installation({ realLauncher: true })
  cpSync(join(root, 'dist', 'src'), join(here.home, 'dist', 'src'), { recursive: true })
  mkdirSync(join(here.home, 'dist', 'src', 'master'), { recursive: true })
  writeFileSync(join(here.home, 'dist', 'src', 'master', 'main.js'), FAKE_MASTER)
  cpSync(join(root, 'package.json'), join(here.home, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(here.home, 'node_modules'))
})
afterEach(() => here.remove())

test('version names the package and the served versions', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const { status, output } = here.run('bin/magneto', ['version'])
  expect(output).toMatch(/^magneto [^\n]+\nserves Spark 3\.5, [^\n]+\n$/)
  expect(output).toContain(manifest.version)
  expect(status).toBe(0)
})

test('a client command ends with its own status', () => {
  const argv = ['status', '--master', 'spark://127.0.0.1:1', 'driver-1']
  const { status, output } = here.run('bin/magneto', argv)
  expect([status, output]).toEqual([
    5,
    'magneto status: 127.0.0.1:1 does not answer: ECONNREFUSED; start a master there, or name another with --master\n',
  ])
  expect(here.run('bin/magneto', ['kill'])).toMatchObject({ status: 2 })
})

test('a reader that has had enough ends it as a broken pipe does, without a word', () => {
  // It begins when nobody could read any more: the shell, too, has the reader's end for a moment.
  const writer = `while (echo) 2>/dev/null; do :; done; "${here.home}/bin/magneto" version`
  const line = `{ ${writer}; } | exec true; echo "status \${PIPESTATUS[0]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' })
  expect([stdout, stderr]).toEqual(['status 141\n', ''])
})

test('C6: help ends with 0, a bad flag with one line and 1', () => {
  expect(here.run('bin/spark-class', [MASTER, '--help'])).toMatchObject({ status: 0 })
  const bad = here.run('bin/magneto', ['master', '--port', 'x'])
  expect(bad.status).toBe(1)
  expect(bad.output).toMatch(/^magneto: [^\n]*--port[^\n]*\n$/)
})

test('a daemon that can not start says why in the log, and ends with 1', () => {
  const failed = here.run('bin/magneto', ['master', '-h', 'h'], { FAKE_FAILS: '1' })
  expect(failed.status).toBe(1)
  expect(failed.output).toMatch(/ERROR Main: could not start\n\tError: no such port\n/)
  expect(failed.output).toMatch(/FATAL Main: could not start: no such port\n$/)
})

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s stops it; its own status counts',
    async (signal) => {
      const child = here.spawn('bin/magneto', ['master', '-h', 'h'])
      const exited = once(child, 'exit')
      await said(child, 'up on h:7077')
      const stopping = said(child, 'stopping')
      child.kill(signal)
      await stopping
      expect(await exited).toEqual([5, null])
    },
  )

  test('HUP ends it in a terminal, and does not when it is a daemon', async () => {
    const plain = here.spawn('bin/magneto', ['master', '-h', 'h'])
    const plainExited = once(plain, 'exit')
    await said(plain, 'up on')
    plain.kill('SIGHUP')
    expect(await plainExited).toEqual([null, 'SIGHUP'])
    const daemon = here.spawn('bin/magneto', ['master', '-h', 'h'], { MAGNETO_DAEMON: '1' })
    const daemonExited = once(daemon, 'exit')
    await said(daemon, 'up on')
    daemon.kill('SIGHUP')
    daemon.kill('SIGTERM')
    expect(await daemonExited).toEqual([5, null])
  })
})

test('the scripts start it, wait until it is up, and stop it', () => {
  expect(here.run('sbin/start-master.sh').status).toBe(0)
  // The script came back because the daemon reported, not because time was up: so this is there already.
  expect(here.log(MASTER)).toContain('up on m:7077\n')
  const pid = here.pid(MASTER) ?? 0
  expect(isAlive(pid)).toBe(true)
  expect(here.run('sbin/spark-daemon.sh', ['status', MASTER, '1']).status).toBe(0)
  expect(here.run('sbin/stop-master.sh').status).toBe(0)
  expect(isAlive(pid)).toBe(false)
  expect(here.log(MASTER)).toContain('stopping\n')
})

test('a start that is refused shows the one line, and the script ends with 1', () => {
  const { status, output } = here.run('sbin/start-master.sh', ['--port', '80'])
  expect(status).toBe(1)
  expect(output).toContain('  magneto: bad value for --port: "80" is not a port')
})
