/** The built `magneto top` in a real terminal, which is as it was afterwards. Needs `script` of util-linux. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { root } from '../sbin/installation.js'
import { applicationItem, playApi } from './api-answers.js'
import { FakeCluster } from './fake-cluster.js'

const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes(
  'util-linux',
)

/** Settings of the terminal before and after, the status between; the shell's own process id first of all. */
const SHELL_LINES = [
  'stty rows 20 cols 90',
  'echo "shell $$."',
  'echo "before $(stty -g)."',
  '"$MAGNETO" top',
  'echo "status $?."',
  'echo "after $(stty -g)."',
].join('\n')

let child: ChildProcess | null = null
afterEach(() => {
  child?.kill('SIGKILL')
})

class Session {
  text = ''
  readonly process: ChildProcess
  #watching: { what: RegExp; resolve: () => void }[] = []

  constructor(address: string) {
    this.process = spawn('script', ['-q', '-e', '-c', SHELL_LINES, '/dev/null'], {
      env: {
        ...process.env,
        SHELL: '/bin/sh',
        TERM: 'xterm',
        MAGNETO: join(root, 'bin', 'magneto'),
        MAGNETO_MASTER: `spark://${address}`,
      },
      stdio: 'pipe',
    })
    child = this.process
    this.process.stdout!.on('data', (bytes: Buffer) => {
      this.text += bytes.toString()
      for (const { what, resolve } of this.#watching) if (what.test(this.text)) resolve()
    })
  }

  async shows(what: RegExp): Promise<void> {
    if (what.test(this.text)) return
    const shown = new Promise<void>((resolve) => {
      this.#watching.push({ what, resolve })
    })
    const ended = new Promise<void>((_resolve, reject) => {
      // Its end may be heard of before its last words.
      this.process.once('close', () => reject(new Error(`ended: ${this.text}`)))
    })
    await Promise.race([shown, ended])
  }

  /** Of what the shell runs. */
  get top(): number {
    const shell = this.#said('shell')
    return Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim())
  }

  #said(word: string): string | undefined {
    return new RegExp(`${word} ([^.]*)\\.`).exec(this.text)?.[1]
  }

  async ended(): Promise<{ status: string | undefined; isRestored: boolean }> {
    await this.shows(/after [^.]*\./)
    const [before, after] = [this.#said('before'), this.#said('after')]
    return {
      status: this.#said('status'),
      isRestored:
        before !== undefined &&
        before === after &&
        this.text.lastIndexOf('\u001B[?1049l') > this.text.lastIndexOf('\u001B[?1049h') &&
        this.text.lastIndexOf('\u001B[?25h') > this.text.lastIndexOf('\u001B[?25l'),
    }
  }
}

const start = async (): Promise<FakeCluster> =>
  playApi(await new FakeCluster().start(), { applications: [applicationItem('app-1')] })

test.skipIf(!hasScript)('q: status 0, and the terminal is as it was', async () => {
  await using fake = await start()
  const session = new Session(fake.address)
  await session.shows(/app-1 +RUNNING[^]*PgDn/)
  // Twenty lines, as the terminal has.
  // oxlint-disable-next-line no-control-regex -- what draws
  const [, frame = ''] = /\u001B\[H([^]*?PgDn)/.exec(session.text) ?? []
  expect(frame.split('\r\n')).toHaveLength(20)
  session.process.stdin!.write('q')
  expect(await session.ended()).toEqual({ status: '0', isRestored: true })
})

test.skipIf(!hasScript)('^C: status 130, and the terminal is as it was', async () => {
  await using fake = await start()
  const session = new Session(fake.address)
  await session.shows(/app-1 +RUNNING/)
  session.process.stdin!.write('\u0003')
  expect(await session.ended()).toEqual({ status: '130', isRestored: true })
})

test.skipIf(!hasScript).each([
  ['SIGTERM', '143'],
  ['SIGINT', '130'],
  ['SIGHUP', '129'],
] as const)('%s: status %s, and the terminal is as it was', async (signal, status) => {
  await using fake = await start()
  const session = new Session(fake.address)
  await session.shows(/app-1 +RUNNING/)
  process.kill(session.top, signal)
  expect(await session.ended()).toEqual({ status, isRestored: true })
})

test.skipIf(!hasScript)('a master that is not there: nothing is drawn', async () => {
  const session = new Session('127.0.0.1:1')
  expect(await session.ended()).toMatchObject({ status: '5' })
  expect(session.text).not.toContain('\u001B[?1049h')
  expect(session.text).toContain('magneto top: 127.0.0.1:1 does not answer: ECONNREFUSED')
})
