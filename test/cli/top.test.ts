/** `magneto top` against a master that is played, in a terminal that is. */
import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { runClient } from '../../src/cli/client/run-client.js'
import {
  applicationItem,
  asked,
  clusterAnswer,
  explainAnswer,
  FakeTerminal,
  playApi,
  type Played,
} from './api-answers.js'
import { FakeCluster, runAgainst } from './fake-cluster.js'

const start = async (played: Played = {}): Promise<FakeCluster> =>
  playApi(await new FakeCluster().start(), played)

const two = [applicationItem('app-2', { name: 'etl' }), applicationItem('app-1')]

describe('where stdout is no terminal', () => {
  test('one frame, as wide as it takes, without colours', async () => {
    await using fake = await start({ applications: two })
    const { status, stdout, stderr, looks } = await runAgainst(fake.address, 'top', [])
    expect([status, stderr, looks]).toEqual([0, '', 0])
    expect(stdout).toMatch(/^spark:\/\/master:7077 {2}ALIVE/)
    expect(stdout).toContain('\nApplications: 2, most cores first\n')
    expect(stdout).toMatch(/\napp-1 [^\n]+\n$/)
    expect(stdout).not.toContain('\u001B')
  })

  test('few questions, whatever is in the cluster; why the first waits only where one does', async () => {
    await using fake = await start({ applications: two })
    await runAgainst(fake.address, 'top', [])
    const calm = [
      'cluster',
      'applications?active=true&sort=-cores&offset=0&limit=200',
      'workers?state=DEAD%2CUNKNOWN%2CDECOMMISSIONED&limit=20',
      'workers?show=unhealthy&limit=20',
      'workers?show=full&limit=20',
    ]
    expect(asked(fake).toSorted()).toEqual(calm.toSorted())
    const waiting = { active: 1, waiting: 1, completed: 0 }
    await using busy = await start({
      cluster: { applications: waiting, drivers: waiting },
      applications: two,
      drivers: [{ id: 'driver-1', mainClass: 'a.Main' }],
      explained: {
        'applications/app-2': explainAnswer('app-2'),
        'drivers/driver-1': explainAnswer('driver-1'),
      },
    })
    const { stdout } = await runAgainst(busy.address, 'top', [])
    expect(stdout).toContain('Waits     first driver driver-1 (a.Main): no worker has 9 cores\n')
    expect(stdout).toContain('Waits     first application app-2 (etl): no worker has 9 cores\n')
    expect(asked(busy).toSorted()).toEqual(
      [
        ...calm,
        'drivers?active=true&sort=submitted&limit=1&state=SUBMITTED',
        'drivers/driver-1/explain',
        'applications?active=true&sort=submitted&limit=1&state=WAITING',
        'applications/app-2/explain',
      ].toSorted(),
    )
  })

  test('what has started or gone meanwhile waits no more', async () => {
    const waiting = { active: 1, waiting: 1, completed: 0 }
    await using fake = await start({
      cluster: { applications: waiting, drivers: waiting },
      applications: two,
    })
    const { status, stdout } = await runAgainst(fake.address, 'top', [])
    expect(status).toBe(0)
    expect(stdout).not.toContain('Waits')
  })

  test.each([
    [['--frob'], 2, 'unknown option "--frob"'],
    [['app-1'], 2, 'it takes options only'],
  ])('%j: %d', async (argv, expected, message) => {
    const { status, stderr } = await runAgainst('127.0.0.1:1', 'top', argv)
    expect(status).toBe(expected)
    expect(stderr).toContain(message)
  })

  test('a master that is not there, or too old', async () => {
    const gone = await runAgainst('127.0.0.1:1', 'top', [])
    expect([gone.status, gone.stderr]).toEqual([
      5,
      'magneto top: 127.0.0.1:1 does not answer: ECONNREFUSED; start a master there, or name another with --master\n',
    ])
    await using old = await new FakeCluster().start()
    const { status, stderr } = await runAgainst(old.address, 'top', [])
    expect(status).toBe(5)
    expect(stderr).toContain('/api/v1/cluster is not there: expected the web UI of a master of')
  })
})

describe('--json', () => {
  test('--once: one line with all of it', async () => {
    await using fake = await start({ applications: two })
    const { stdout } = await runAgainst(fake.address, 'top', ['--json', '--once'])
    expect(stdout).toMatch(/^\{[^\n]+\}\n$/)
    expect(JSON.parse(stdout)).toMatchObject({
      cluster: clusterAnswer(),
      applications: { total: 2, items: two },
      waiting: [],
      workers: { lost: { total: 0 }, unhealthy: { total: 0 }, full: { total: 0 } },
    })
  })

  test('a line a second; an outage is told once and waited out, the leader followed', async () => {
    await using fake = await start({ applications: two })
    await using other = await start({ applications: two, cluster: { url: 'spark://other:7077' } })
    const { status, stdout, stderr } = await runAgainst(
      `${fake.address},${other.address}`,
      'top',
      ['--json'],
      {
        onPause: (signals, looks) => {
          if (looks === 2) other.play('/api/v1/workers', () => 'hang up')
          if (looks === 2) fake.play('/api/v1/cluster', () => 'hang up')
          if (looks === 4) playApi(other, { cluster: { url: 'spark://other:7077' } })
          if (looks === 6) signals.emit('SIGINT', 'SIGINT')
        },
      },
    )
    expect(status).toBe(130)
    const urls = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).cluster.url as string)
    expect(urls.join(' ')).toBe(
      'spark://master:7077 spark://master:7077 spark://other:7077 spark://other:7077',
    )
    expect(stderr).toMatch(/^no answer, asking again: spark:[^\n]+ECONNRESET[^\n]+\n$/)
  })
})

/** `top` at work: what the terminal shows, and what somebody does to it. */
class Running {
  readonly terminal = new FakeTerminal()
  readonly signals = new EventEmitter()
  readonly ended: Promise<number>
  /** As it was drawn last. */
  lines: string[] = []
  stderr = ''
  written = ''
  /** What whoever writes to the terminal gets. */
  fault: Error | null = null
  #draws = 0
  #ticks: (() => void)[] = []
  #watching: { holds: () => boolean; resolve: () => void }[] = []

  constructor(master: string, env: NodeJS.ProcessEnv = {}) {
    this.ended = runClient('top', [], {
      env: { MAGNETO_MASTER: `spark://${master}`, ...env },
      cwd: '/',
      signals: this.signals,
      exit: (code) => {
        throw new Error(`exit ${code}`)
      },
      stdout: (bytes) => this.#shown(String(bytes)),
      stderr: (bytes) => void (this.stderr += String(bytes)),
      terminal: () => this.terminal,
      pause: (_ms, signal) =>
        new Promise((resolve, reject) => {
          this.#ticks.push(resolve)
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
        }),
    })
  }

  /** A second has passed. */
  tick(): void {
    for (const tick of this.#ticks.splice(0)) tick()
  }

  type(keys: string): void {
    this.terminal.listener!.onKeys(keys)
  }

  /** Resolves once the screen shows it; fails when `top` ends before. */
  async shows(what: RegExp): Promise<string[]> {
    return this.#until(() => what.test(this.lines.join('\n')))
  }

  async redrawn(): Promise<void> {
    const before = this.#draws
    await this.#until(() => this.#draws > before)
  }

  async asks(fake: FakeCluster, what: string): Promise<string[]> {
    return this.#until(() => asked(fake).some((path) => path.includes(what)))
  }

  async #until(holds: () => boolean): Promise<string[]> {
    const held = new Promise<void>((resolve) => {
      this.#watching.push({ holds, resolve })
    })
    this.#look()
    const ended = this.ended.then((status) => {
      throw new Error(`top has ended with ${status}: ${this.stderr}\n${this.lines.join('\n')}`)
    })
    await Promise.race([held, ended])
    return this.lines
  }

  #shown(text: string): void {
    if (this.fault !== null) throw this.fault
    this.written += text
    if (text.startsWith('\u001B[H')) {
      // oxlint-disable-next-line no-control-regex -- what draws
      this.lines = text.replaceAll(/\u001B\[[0-9;]*[A-Za-z]/g, '').split('\r\n')
      this.#draws += 1
    }
    this.#look()
  }

  #look(): void {
    const held = this.#watching.filter(({ holds }) => holds())
    this.#watching = this.#watching.filter((watch) => !held.includes(watch))
    for (const { resolve } of held) resolve()
  }
}

describe('in a terminal', () => {
  test('it is drawn, and given back when q is pressed', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address)
    const lines = await top.shows(/^app-2 /m)
    expect(lines).toHaveLength(24)
    top.type('q')
    expect(await top.ended).toBe(0)
    expect(top.terminal.happened).toEqual(['enter', 'leave'])
    expect(top.written).toContain('\u001B[7m')
  })

  test('NO_COLOR: none', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address, { NO_COLOR: '1' })
    await top.shows(/^app-2 /m)
    top.type('q')
    await top.ended
    // oxlint-disable-next-line no-control-regex -- colours
    expect(top.written).not.toMatch(/\u001B\[[0-9;]*m/)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s ends it with %d, and gives the terminal back', async (signal, status) => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address)
    await top.shows(/^app-2 /m)
    top.signals.emit(signal, signal)
    expect(await top.ended).toBe(status)
    expect(top.terminal.happened).toEqual(['enter', 'leave'])
  })

  test('the interrupt key is one of the keys', async () => {
    await using fake = await start()
    const top = new Running(fake.address)
    await top.shows(/^Applications: 0/m)
    top.type('\u0003')
    expect(await top.ended).toBe(130)
    expect(top.terminal.happened).toEqual(['enter', 'leave'])
  })

  test('each second it is looked at anew, unless it is paused', async () => {
    let looks = 0
    await using fake = await start({ applications: two })
    fake.play('/api/v1/cluster', () => ({
      json: clusterAnswer({ cores: { total: 80, used: ++looks } }),
    }))
    const top = new Running(fake.address)
    await top.shows(/1 of 80/)
    top.tick()
    await top.shows(/2 of 80/)
    top.type('p')
    await top.shows(/PAUSED: p goes on/)
    top.tick()
    await top.redrawn()
    // One look at a time: had the tick begun one, this would be the fourth.
    top.type('s')
    await top.asks(fake, 'sort=-submitted&offset')
    expect(looks).toBe(3)
    top.type('p')
    await top.shows(/4 of 80/)
    top.type('q')
    await top.ended
  })

  test('s sorts, at once and where the applications are', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address)
    await top.shows(/most cores first/)
    top.type('s')
    await top.shows(/newest first/)
    await top.asks(fake, 'sort=-submitted&offset')
    top.type('ss')
    await top.asks(fake, 'sort=-memory&offset')
    top.type('q')
    await top.ended
  })

  test('it scrolls through more than was asked for at first', async () => {
    const applications = Array.from({ length: 345 }, (_, at) => applicationItem(`app-${at}`))
    await using fake = await start({ applications })
    const top = new Running(fake.address)
    await top.shows(/Applications: 1 to \d+ of 345/)
    top.type('j\u001B[B')
    await top.shows(/^Applications: 3 to \d+ of 345[^]*\napp-2 /m)
    top.type('G')
    await top.shows(/^Applications: \d+ to 345 of 345[^]*\napp-344 /m)
    top.type('g')
    await top.shows(/^Applications: 1 to [^]*\napp-0 /m)
    top.type('q')
    await top.ended
  })

  test('it follows the size of the terminal', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address)
    await top.shows(/^app-2 /m)
    Object.assign(top.terminal, { columns: 50, rows: 12 })
    top.terminal.listener!.onChange()
    await top.shows(/^Applications[^]*…/m)
    expect(top.lines).toHaveLength(12)
    expect(top.lines.every((line) => line.length <= 50)).toBe(true)
    top.type('\u000C\u001Aq')
    await top.ended
    expect(top.terminal.happened).toEqual(['enter', 'suspend', 'leave'])
  })

  test('a master that goes away is said, and asked for again', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address)
    await top.shows(/^app-2 /m)
    fake.play('/api/v1/cluster', () => 'hang up')
    top.tick()
    const lines = await top.shows(/no answer for .* asking again/)
    expect(lines.join('\n')).toContain('ECONNRESET')
    // What was seen last stays.
    expect(lines.join('\n')).toMatch(/^app-2 /m)
    playApi(fake, { applications: two })
    top.tick()
    await top.shows(/answers in/)
    top.type('q')
    expect(await top.ended).toBe(0)
    expect(top.stderr).toBe('')
  })

  test('H14: another master leads: it is shown', async () => {
    await using fake = await start({ applications: two })
    await using next = await start({ cluster: { url: 'spark://next:7077' } })
    const top = new Running(fake.address)
    await top.shows(/^spark:\/\/master:7077 /)
    fake
      .play('/api/v1/cluster', () => ({ json: clusterAnswer({ state: 'STANDBY' }) }))
      .play('/masters', () => ({
        json: { leader: { masterUrl: `spark://${next.address}`, epoch: 2 } },
      }))
    top.tick()
    await top.shows(/^spark:\/\/next:7077 /)
    top.type('q')
    await top.ended
  })

  test('what is asked when somebody quits is not waited for', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address)
    await top.shows(/^app-2 /m)
    const silent = new Promise<void>((resolve) => {
      fake.play('/api/v1/cluster', () => {
        resolve()
        return 'say nothing'
      })
    })
    top.tick()
    await silent
    top.type('q')
    expect(await top.ended).toBe(0)
  })

  test('a wrong master is an error before anything is drawn', async () => {
    const top = new Running('127.0.0.1:1')
    expect(await top.ended).toBe(5)
    expect(top.terminal.happened).toEqual([])
    expect(top.stderr).toContain('magneto top: 127.0.0.1:1 does not answer')
  })

  test('a screen that can not be drawn ends it, and what can be given back is', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address)
    await top.shows(/^app-2 /m)
    top.fault = new Error('write EIO')
    top.tick()
    await expect(top.ended).rejects.toThrow('write EIO')
    expect(top.terminal.happened).toEqual(['enter', 'leave'])
  })

  test('TERM=dumb is no terminal', async () => {
    await using fake = await start({ applications: two })
    const top = new Running(fake.address, { TERM: 'dumb' })
    expect(await top.ended).toBe(0)
    expect(top.terminal.happened).toEqual([])
  })
})
