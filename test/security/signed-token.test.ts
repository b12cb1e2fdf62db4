/** P49: whom a token is of, and what a master makes for the pages of a worker. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'

import { handedOn, judgeToken } from '../../src/security/signed-token.js'

const nowMs = 1_700_000_000_000
const secretKey = new Uint8Array(32).fill(7)
const rules = { secretKey, requireExpiration: false }

function bearer(claims: object): string {
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${text({ alg: 'HS256' })}.${text(claims)}`
  return `Bearer ${signed}.${createHmac('sha256', secretKey).update(signed).digest('base64url')}`
}

describe('P49: a token', () => {
  test.each([
    [{ sub: 'ann' }, 'ann'],
    [{}, null],
    [{ sub: '' }, null],
    [{ sub: 7 }, null],
    [{ sub: ['ann'] }, null],
  ])('%j is of %j', (claims, user) => {
    expect(judgeToken(bearer(claims), rules, nowMs)).toEqual({ refusal: null, user })
  })
})

describe('P49: what is handed on to a worker', () => {
  const worker = { ...rules, requireExpiration: true, takesHandedOn: true }

  test('names who asked, and counts there for a minute', () => {
    const token = handedOn('ann', rules, nowMs)
    const at = (ms: number) => judgeToken(token, worker, ms)
    expect(at(nowMs)).toEqual({ refusal: null, user: 'ann' })
    expect(at(nowMs + 59_000)).toEqual({ refusal: null, user: 'ann' })
    expect(at(nowMs + 60_000).refusal).toBe('JWT Validate Fail')
    expect(judgeToken(handedOn(null, rules, nowMs), worker, nowMs)).toMatchObject({ user: null })
  })

  test('is good for nothing else: whoever registers as a worker gets to see it', () => {
    expect(judgeToken(handedOn('ann', rules, nowMs), rules, nowMs).refusal).toBe(
      'JWT Validate Fail',
    )
  })
})
