/** What `magneto top` shows of a state, and what keys make of one. */
import { describe, expect, test } from 'vitest'
import type { ApplicationItem, ListAnswer, WorkerItem } from '../../src/cli/client/api.js'
import { textWidth } from '../../src/cli/client/text-width.js'
import { applicationRows, clockText, frame } from '../../src/cli/client/top/frame.js'
import { commandsOf } from '../../src/cli/client/top/keys.js'
import type { FirstWaiting, Snapshot } from '../../src/cli/client/top/look.js'
import { plainText, screenText } from '../../src/cli/client/top/paint.js'
import {
  failed,
  keyed,
  looked,
  SORTS,
  stateOf,
  wantedOf,
  type Key,
  type Size,
  type TopState,
} from '../../src/cli/client/top/state.js'
import {
  applicationItem,
  clusterAnswer,
  explainAnswer,
  listAnswer,
  nowMs,
  workerItem,
} from './api-answers.js'

interface Shown {
  readonly cluster?: Parameters<typeof clusterAnswer>[0]
  readonly applications?: ListAnswer<ApplicationItem>
  readonly waiting?: readonly FirstWaiting[]
  readonly lost?: ListAnswer<WorkerItem>
  readonly unhealthy?: ListAnswer<WorkerItem>
  readonly full?: ListAnswer<WorkerItem>
}

function snapshot({ cluster, applications, waiting = [], ...workers }: Shown = {}): Snapshot {
  const none = listAnswer<WorkerItem>([])
  return {
    cluster: clusterAnswer(cluster),
    applications: applications ?? listAnswer([applicationItem('app-1')]),
    waiting,
    workers: { lost: none, unhealthy: none, full: none, ...workers },
  }
}

const firstWaiting: FirstWaiting = {
  kind: 'application',
  id: 'app-2',
  name: 'etl',
  explained: explainAnswer('app-2'),
}

const manyApplications = (count: number, offset = 0, total = count) =>
  listAnswer(
    Array.from({ length: count }, (_, at) => applicationItem(`app-${offset + at}`)),
    { total, offset },
  )

const wide: Size = { columns: 100, rows: 24 }
const plain = (state: TopState, size: Size, atMs = nowMs) =>
  frame(state, size, atMs).map((line) => plainText(line, size.columns))

const clock = clockText(nowMs)

describe('frame', () => {
  test('a cluster at work', () => {
    const state = stateOf(
      snapshot({
        cluster: {
          workers: { total: 1210, alive: 1200, dead: 8, decommissioned: 2, unknown: 0 },
          cores: { total: 9600, used: 9100 },
          memoryMb: { total: 4 * 2 ** 20, used: 2 ** 20 },
          resources: { gpu: { total: 8, used: 8 } },
          applications: { active: 3, waiting: 1, completed: 400 },
          executors: 2275,
          drivers: { active: 2, waiting: 0, completed: 0 },
        },
        applications: listAnswer([
          applicationItem('app-3', { cores: 9000, executors: 2250, name: 'naïve 計算' }),
          applicationItem('app-1', { cores: 100, executors: 25, user: null }),
          applicationItem('app-2', { state: 'WAITING', waits: true, cores: 0, executors: 0 }),
        ]),
        waiting: [firstWaiting],
        lost: listAnswer([workerItem('worker-7', { state: 'DEAD' })], { total: 10 }),
        full: listAnswer([workerItem('worker-1', { coresUsed: 8 })], { total: 900 }),
      }),
    )
    expect(plain(state, wide)).toEqual([
      `${'spark://master:7077  ALIVE'.padEnd(73)}answers in 0.4 ms  ${clock}`,
      'Workers   1,200 alive, 8 dead, 2 decommissioned, 0 unknown',
      'Cores     [|||||||||||||||||||||||||||||||||||||||||||||||   ] 9,100 of 9,600, 94 %',
      'Memory    [|||||||||||||                                     ] 1024.0 GiB of 4.0 TiB, 25 %',
      'gpu       [||||||||||||||||||||||||||||||||||||||||||||||||||] 8 of 8, 100 %',
      'Queue     3 applications (1 waiting), 2,275 executors, 2 drivers (0 waiting)',
      'Waits     first application app-2 (etl): no worker has 9 cores',
      '          ask for 8',
      '',
      'Applications: 3, most cores first',
      'APPLICATION  STATE    WAITS  CORES*  EXECS      MEMORY  DURATION  USER  NAME',
      'app-3        RUNNING  -        9000   2250  1024.0 MiB   1.5 min  ada   naïve 計算',
      'app-1        RUNNING  -         100     25  1024.0 MiB   1.5 min  -     pi',
      'app-2        WAITING  yes         0      0  1024.0 MiB   1.5 min  ada   pi',
      '',
      '',
      '',
      '',
      '',
      'Workers lost: 10, unhealthy: 0, full: 900; magneto workers lists all',
      'WORKER    STATE  CORES              MEMORY  RESOURCES  SEEN  RUNTIMES         REMARK',
      'worker-7  DEAD     3/8  1024.0 MiB/4.0 GiB  -           4 s  node, spark-4.3  -',
      'worker-1  ALIVE    8/8  1024.0 MiB/4.0 GiB  -           4 s  node, spark-4.3  full',
      'q quit  s sort  p pause  j k ↓ ↑ PgDn PgUp g G scroll',
    ])
  })

  test('a worker that is both unhealthy and full is seen once', () => {
    const ill = workerItem('worker-1', { coresUsed: 8, unhealthyReason: 'no disk' })
    const both = { unhealthy: listAnswer([ill]), full: listAnswer([ill]) }
    const lines = plain(stateOf(snapshot(both)), wide)
    expect(lines).toContain('Workers lost: 0, unhealthy: 1, full: 1')
    const [row, ...others] = lines.filter((text) => text.startsWith('worker-1'))
    expect([row?.endsWith('not healthy: no disk'), others]).toEqual([true, []])
  })

  test('an outage is said in the first line and where nothing stood; all else stays', () => {
    const calm = stateOf(snapshot())
    const state = failed(calm, 'h:1 does not answer: ECONNREFUSED', nowMs - 12_000)
    const lines = plain(failed(state, 'h:1 does not answer: ETIMEDOUT', nowMs - 1_000), wide)
    expect(lines[0]).toMatch(/^spark:\/\/master:7077 +no answer for 12 s, asking again$/)
    const blank = plain(calm, wide).indexOf('')
    expect(lines[blank]).toBe('h:1 does not answer: ETIMEDOUT')
    const others = (all: string[]) => all.filter((_, at) => at !== 0 && at !== blank)
    expect(others(lines)).toEqual(others(plain(calm, wide)))
    expect(looked(state, calm.snapshot, 10)).toEqual(calm)
  })

  test('a driver and an application wait: the first of each, drivers before', () => {
    const driver: FirstWaiting = {
      kind: 'driver',
      id: 'driver-1',
      name: '',
      explained: explainAnswer('driver-1', { explanations: [] }),
    }
    const lines = plain(stateOf(snapshot({ waiting: [driver, firstWaiting] })), wide)
    expect(lines.filter((text) => text.startsWith('Waits'))).toEqual([
      'Waits     first driver driver-1: it is about to start',
      'Waits     first application app-2 (etl): no worker has 9 cores',
    ])
  })

  const states = (): TopState[] => {
    const hostile = '\u001B[2J\u202E計\n'.repeat(40)
    const application = applicationItem(hostile, { name: hostile, user: hostile, state: hostile })
    const worker = workerItem(hostile, { state: 'DEAD', unhealthyReason: hostile })
    const busy = stateOf(
      snapshot({
        cluster: { url: hostile, state: hostile, resources: { [hostile]: { total: 0, used: 1 } } },
        applications: listAnswer(Array.from({ length: 90 }, () => application)),
        waiting: [{ ...firstWaiting, name: hostile }],
        lost: listAnswer(
          Array.from({ length: 20 }, () => worker),
          { total: 9000 },
        ),
      }),
    )
    const empty = stateOf(snapshot({ applications: listAnswer([]) }))
    return [busy, failed(busy, hostile, nowMs), empty, stateOf(snapshot())]
  }

  test('it is as high and as wide as the terminal, whatever it shows', () => {
    for (const state of states())
      for (const rows of [1, 2, 5, 8, 10, 12, 24, 60])
        for (const columns of [1, 10, 40, 80, 100, 250]) {
          const size = { columns, rows }
          const lines = frame(state, size, nowMs)
          expect(lines).toHaveLength(rows)
          for (const spans of lines) {
            const text = plainText(spans, columns)
            expect(textWidth(text)).toBeLessThanOrEqual(columns)
            // oxlint-disable-next-line no-control-regex -- these are what must not be there
            expect(text).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u202E]/)
          }
        }
  })

  test('applications are seen before workers where there is room for one of them only', () => {
    const [busy] = states() as [TopState]
    const few = plain(busy, { columns: 80, rows: 15 }).join('\n')
    expect(few).toContain('Applications: ')
    expect(few).not.toContain('Workers lost')
    expect(plain(busy, { columns: 80, rows: 30 }).join('\n')).toContain('Workers lost: 9,000')
  })

  test('workers get what applications leave', () => {
    const lost = listAnswer(Array.from({ length: 20 }, (_, at) => workerItem(`worker-${at + 10}`)))
    const workersSeen = (total: number) => {
      const applications = manyApplications(total)
      const lines = plain(stateOf(snapshot({ applications, lost })), { columns: 100, rows: 40 })
      expect(lines.filter((text) => text.startsWith('app-'))).toHaveLength(Math.min(total, 16))
      return lines.filter((text) => text.startsWith('worker-')).length
    }
    expect([workersSeen(2), workersSeen(14), workersSeen(300)]).toEqual([20, 14, 12])
  })

  test('without a terminal: all that was asked for, and no keys', () => {
    const endless = { columns: Infinity, rows: Infinity }
    const state = stateOf(snapshot({ applications: manyApplications(200, 0, 300) }))
    const lines = plain(state, endless)
    expect(lines.filter((text) => text.startsWith('app-'))).toHaveLength(200)
    expect(lines.join('\n')).toContain('Applications: 1 to 200 of 300, most cores first')
    expect(lines.at(-1)).toMatch(/^app-199 /)
  })

  test('colours say nothing that words do not', () => {
    const [busy] = states() as [TopState]
    const lines = frame(busy, wide, nowMs)
    const coloured = screenText(lines, wide.columns, { colours: true })
    // oxlint-disable-next-line no-control-regex -- colours
    const bare = coloured.replaceAll(/\u001B\[[0-9;]*m/g, '')
    expect(coloured).not.toBe(bare)
    const rows = (text: string) => text.split('\r\n').map((row) => row.trimEnd())
    expect(rows(bare)).toEqual(rows(screenText(lines, wide.columns, { colours: false })))
  })

  test('a full last line is not erased by what follows', () => {
    const text = screenText(
      [[{ text: 'ab', style: 'plain' }], [{ text: 'cd', style: 'head' }]],
      2,
      {
        colours: false,
      },
    )
    expect(text).toBe('\u001B[H\u001B[Kab\r\n\u001B[Jcd')
  })
})

describe('scrolling', () => {
  const rows = 10
  const state = stateOf(snapshot({ applications: manyApplications(124, 0, 345) }))
  const after = (...keys: Key[]) => keys.reduce((now, key) => keyed(now, key, rows), state)

  test.each<[Key[], number]>([
    [['down', 'down', 'up'], 1],
    [['up'], 0],
    [['page down'], 10],
    [['page down', 'page up'], 0],
    [['last'], 335],
    [['last', 'down'], 335],
    [['last', 'page up', 'first'], 0],
    [['page down', 'sort'], 0],
  ])('%j: the first that is seen is number %d', (keys, scroll) => {
    expect(after(...keys).scroll).toBe(scroll)
  })

  test('what is seen is what was scrolled to', () => {
    const scrolled = keyed(state, 'page down', rows)
    const shown = plain(scrolled, wide).filter((text) => text.startsWith('app-'))
    expect(shown[0]).toMatch(/^app-10 /)
    expect(shown).toHaveLength(applicationRows(scrolled, wide))
    expect(plain(scrolled, wide).join('\n')).toContain(
      `Applications: 11 to ${10 + shown.length} of 345, most cores first`,
    )
  })

  test('what is asked for has what is seen in it, wherever that is', () => {
    for (const scroll of [0, 1, 99, 100, 101, 99_999]) {
      const wanted = wantedOf({ sort: 0, scroll }, wide)
      expect(wanted.offset).toBeLessThanOrEqual(scroll)
      expect(wanted.offset + wanted.limit).toBeGreaterThanOrEqual(scroll + wide.rows)
      expect(wanted.limit).toBeLessThanOrEqual(1000)
    }
    expect(wantedOf({ sort: 0, scroll: 150 }, { columns: 1, rows: 9999 }).limit).toBe(1000)
  })

  test('what is not there yet is blank, and a list that became shorter is followed', () => {
    const far = keyed(state, 'last', rows)
    expect(plain(far, wide).filter((text) => text.startsWith('app-'))).toEqual([])
    const shorter = looked(far, snapshot({ applications: manyApplications(3) }), rows)
    expect(shorter.scroll).toBe(0)
  })
})

describe('keys', () => {
  test.each([
    ['q', ['quit']],
    ['\u0003', ['interrupt']],
    ['\u001A', ['suspend']],
    ['\u000C', ['redraw']],
    ['jjk', ['down', 'down', 'up']],
    ['\u001B[B\u001BOB\u001B[A\u001BOA', ['down', 'down', 'up', 'up']],
    ['\u001B[6~\u001B[5~ ', ['page down', 'page up', 'page down']],
    ['gG\u001B[H\u001B[F\u001B[1~\u001B[4~', ['first', 'last', 'first', 'last', 'first', 'last']],
    ['sp', ['sort', 'pause']],
    ['\u001B[1;5C\u001B[24~\u001Bxé計\r\n', []],
    ['', []],
  ])('%j means %j', (keys, commands) => {
    expect(commandsOf(keys)).toEqual(commands)
  })

  test('s goes through all orders and begins anew', () => {
    let state = stateOf(snapshot())
    const seen = SORTS.map(() => {
      state = keyed(state, 'sort', 10)
      return SORTS[state.sort]!.key
    })
    expect(new Set(seen).size).toBe(SORTS.length)
    expect(state.sort).toBe(0)
  })

  test('p pauses, which is said, and goes on', () => {
    const paused = keyed(stateOf(snapshot()), 'pause', 10)
    expect(plain(paused, wide).at(-1)).toMatch(/^PAUSED: p goes on/)
    expect(keyed(paused, 'pause', 10)).toEqual(stateOf(snapshot()))
  })
})
