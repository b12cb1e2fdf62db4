/** P49, P50, X3: who is let in, as whom, and who may change what runs. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'

import { AccessGate, type AccessOptions } from '../../src/security/access.js'
import type { AclRules } from '../../src/security/acl.js'
import { bodyText } from '../http/body-text.js'

const secretKey = new Uint8Array(32).fill(7)
const tokens = { secretKey, requireExpiration: false }
const nobody = { users: [], groups: [] }

function bearer(claims: object): string {
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${text({ alg: 'HS256' })}.${text(claims)}`
  return `Bearer ${signed}.${createHmac('sha256', secretKey).update(signed).digest('base64url')}`
}

function acls(change: Partial<AclRules> = {}): AclRules {
  return {
    admin: { users: ['root'], groups: ['wheel'] },
    view: { users: ['root', 'spark', 'ann'], groups: ['wheel', 'readers'] },
    modify: { users: ['root', 'spark'], groups: ['wheel', 'writers'] },
    groups: true,
    ...change,
  }
}

const members: Record<string, string[]> = {
  bob: ['readers'],
  eve: ['others'],
  tom: ['wheel'],
  wil: ['readers', 'writers'],
}

/** @returns what became of a request: a reason, or who it is and whether they may change something */
async function outcome(
  { user = null, url = '/' }: { user?: string | null | undefined; url?: string } = {},
  change: Partial<AccessOptions> = {},
): Promise<string> {
  const gate = new AccessGate({
    tokens,
    acls: acls(),
    groupsOf: async (name) => new Set(members[name] ?? []),
    ...change,
  })
  const headers = user === null ? {} : { authorization: bearer({ sub: user }) }
  const admitted = await gate.admit({ headers, url })
  if ('refusal' in admitted) return bodyText(admitted.refusal).trim()
  const { visitor } = admitted
  return `${visitor.user} ${(await visitor.mayModify()) ? 'may modify' : 'may look'}`
}

describe('P50: of those who have a token', () => {
  test.each([
    ['ann', 'ann may look'],
    ['spark', 'spark may modify'],
    ['root', 'root may modify'],
    ['bob', 'bob may look'],
    ['wil', 'wil may modify'],
    ['tom', 'tom may modify'],
    ['eve', '403 Forbidden: User eve is not authorized to access this page.'],
    ['<b>\r\nx', '403 Forbidden: User <b> x is not authorized to access this page.'],
  ])('%s: %s', async (user, expected) => {
    expect(await outcome({ user })).toBe(expected)
  })

  test('* among users or groups is everybody', async () => {
    const all = { users: ['*'], groups: [] }
    const allGroups = { users: [], groups: ['*'] }
    expect(await outcome({ user: 'eve' }, { acls: acls({ view: all }) })).toBe('eve may look')
    expect(await outcome({ user: 'eve' }, { acls: acls({ view: allGroups, modify: all }) })).toBe(
      'eve may modify',
    )
  })

  test('groups are not looked up for who is named, or where none is', async () => {
    const asked: string[] = []
    const groupsOf = async (name: string) => {
      asked.push(name)
      return new Set<string>()
    }
    await outcome({ user: 'root' }, { groupsOf })
    await outcome({ user: 'eve' }, { groupsOf, acls: acls({ view: nobody }) })
    expect(asked).toEqual([])
  })
})

describe('P49: without what it takes to be known', () => {
  test('no token, or a wrong one: 403', async () => {
    expect(await outcome({})).toBe('403 Forbidden: Authorization header is missing.')
    const wrong = await new AccessGate({
      tokens,
      acls: null,
      groupsOf: async () => new Set(),
    }).admit({
      headers: { authorization: `${bearer({ sub: 'ann' })}x` },
      url: '/',
    })
    expect(wrong).toMatchObject({ refusal: { status: 403 } })
  })

  test('a token that names nobody is not enough where names decide', async () => {
    expect(await outcome({ user: '' })).toContain('the token names no user')
    expect(await outcome({ user: '' }, { acls: null })).toBe('null may modify')
  })

  test('X3: with no filter nobody has a name, and may do everything, as in Spark', async () => {
    expect(await outcome({}, { tokens: null })).toBe('null may modify')
  })

  test('with no lists a token opens everything', async () => {
    expect(await outcome({ user: 'eve', url: '/?doAs=root' }, { acls: null })).toBe(
      'eve may modify',
    )
  })
})

describe('X3: doAs', () => {
  test.each([
    ['root', '/?doAs=ann', 'ann may look'],
    ['tom', '/json/?x=1&doAs=wil', 'wil may modify'],
    ['root', '/?doAs=eve', '403 Forbidden: User eve is not authorized to access this page.'],
    ['root', '/?doAs=', '403 Forbidden: User is not authorized to access this page.'],
    ['root', '/?doAs=ann&doAs=root', 'ann may look'],
    ['ann', '/?doAs=ann', 'ann may look'],
    ['ann', '/?doAs=root', '403 Forbidden: User ann is not allowed to impersonate others.'],
    ['spark', '/?doAs=root', '403 Forbidden: User spark is not allowed to impersonate others.'],
    ['ann', '/?do%41s=root', '403 Forbidden: User ann is not allowed to impersonate others.'],
  ])('%s asks for %s: %s', async (user, url, expected) => {
    expect(await outcome({ user, url })).toBe(expected)
  })

  test('of whoever asks where nobody has a name is judged by that name', async () => {
    const open = { tokens: null }
    expect(await outcome({ url: '/?doAs=ann' }, open)).toBe('ann may look')
    expect(await outcome({ url: '/?doAs=eve' }, open)).toContain('User eve is not authorized')
  })
})
