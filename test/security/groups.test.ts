/** P50, CVE-2022-33891: the groups of a user, as the system knows them. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { describe, expect, test } from 'vitest'

import { SystemGroups, type SystemGroupsOptions } from '../../src/security/groups.js'

function groups(change: Partial<SystemGroupsOptions> = {}) {
  const failures: string[] = []
  const asked: string[] = []
  const run = async (user: string) => {
    asked.push(user)
    return `${user} users\n`
  }
  const made = new SystemGroups({ onFailure: (user) => failures.push(user), run, ...change })
  return { groups: made, failures, asked }
}

test('P50: are those that id prints', async () => {
  const failures: string[] = []
  const system = new SystemGroups({ onFailure: (user) => failures.push(user) })
  const { username } = userInfo()
  const printed = execFileSync('id', ['-Gn'], { encoding: 'utf8' }).trim().split(' ')
  expect([...(await system.of(username))].toSorted()).toEqual([...new Set(printed)].toSorted())
  expect(failures).toEqual([])
})

describe('X8, CVE-2022-33891: a name', () => {
  test('never reaches a shell', async () => {
    const mark = `/tmp/magneto-groups-${process.pid}`
    const failures: string[] = []
    const system = new SystemGroups({ onFailure: (user) => failures.push(user) })
    const names = [
      `root;touch\${IFS}${mark}`,
      `root$(touch\${IFS}${mark})`,
      `a\`touch\${IFS}${mark}\``,
    ]
    for (const name of names) expect([...(await system.of(name))]).toEqual([])
    expect(existsSync(mark)).toBe(false)
    expect(failures).toEqual(names)
  })

  test.each(['', '-G', '--help', '0', '1000', 'a b', 'a\nb', '\u0000', '+0', 'x'.repeat(300)])(
    '%j is not even looked up',
    async (name) => {
      const { groups: made, asked, failures } = groups()
      expect([...(await made.of(name))]).toEqual([])
      expect(asked).toEqual([])
      expect(failures).toEqual([name])
    },
  )

  test.each(['ann', 'ann.b', 'DOM\\ann', 'ann@realm', 'jörg', 'svc_1$'])('%j is', async (name) => {
    const { groups: made } = groups()
    expect([...(await made.of(name))]).toEqual([name, 'users'])
  })
})

test('P50: who can not be looked up is in no group', async () => {
  const { groups: made, failures } = groups({
    run: () => Promise.reject(new Error('no such user')),
  })
  expect([...(await made.of('ann'))]).toEqual([])
  expect(failures).toEqual(['ann'])
})

test('P50: an answer is kept for a minute, and for so many users only', async () => {
  let now = 0
  const { groups: made, asked } = groups({ nowMs: () => now })
  await made.of('ann')
  now = 59_999
  await made.of('ann')
  expect(asked).toEqual(['ann'])
  now = 60_000
  await made.of('ann')
  expect(asked).toEqual(['ann', 'ann'])
  for (let at = 0; at < 1024; at++) await made.of(`u${at}`)
  await made.of('ann')
  expect(asked.at(-1)).toBe('ann')
})

test('P50: many at once are looked up a few at a time', async () => {
  let running = 0
  let most = 0
  const waiting: (() => void)[] = []
  const run = async (user: string) => {
    running += 1
    most = Math.max(most, running)
    await new Promise<void>((resolve) => void waiting.push(resolve))
    running -= 1
    return user
  }
  const { groups: made } = groups({ run })
  const all = Promise.all(Array.from({ length: 20 }, (_, at) => made.of(`u${at}`)))
  for (let ended = 0; ended < 20; ended++) {
    await expect.poll(() => waiting.length).toBeGreaterThan(0)
    waiting.shift()!()
  }
  expect((await all).map((each) => each.size)).toEqual(Array.from({ length: 20 }, () => 1))
  expect(most).toBe(4)
})
