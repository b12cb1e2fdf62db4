/** What the operator sets for REST, and what is refused at start (R16, R17, P24 to P30). */
import { describe, expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import { restRules, restServerData } from '../../src/master/rest-settings.js'

const of = (entries: Record<string, string>) => new Configuration(Object.entries(entries))
const filter = { 'spark.master.rest.filters': 'org.apache.spark.ui.JWSFilter' }
const secretKey = 'spark.org.apache.spark.ui.JWSFilter.param.secretKey'

describe('P24, P25: where and whether', () => {
  test('by default: on, on its port, for everybody', () => {
    expect(restServerData(of({}), '10.0.0.1')).toEqual({
      host: '10.0.0.1',
      port: 6066,
      configuredPort: 6066,
      maxBodyBytes: 8 * 2 ** 20,
      allowedAppResources: [],
      useDriverIdAsAppName: false,
      tokens: null,
    })
  })

  test('nowhere when it is off, whatever else is set', () => {
    const off = of({ 'spark.master.rest.enabled': 'false', 'spark.authenticate.secret': 'x' })
    expect([restRules(off), restServerData(off, 'h')]).toEqual([null, null])
  })
})

test('R16: a shared secret, which would guard nothing, does not go with it', () => {
  expect(() => restRules(of({ 'spark.authenticate.secret': 'hush' }))).toThrow(
    /^spark\.authenticate\.secret is set, which does not guard REST submissions: set spark\.master\.rest\.enabled=false/,
  )
})

describe('R17: tokens', () => {
  test('are checked with the key in BASE64URL', () => {
    const key = Buffer.alloc(33, 0xfb)
    const more = {
      [secretKey]: key.toString('base64url'),
      'spark.org.apache.spark.ui.JWSFilter.param.requireExpiration': 'true',
    }
    expect(restRules(of({ ...filter, ...more }))?.tokens).toEqual({
      secretKey: new Uint8Array(key),
      requireExpiration: true,
    })
  })

  test.each([
    [{}, 'but it is not set'],
    [{ [secretKey]: Buffer.alloc(31).toString('base64url') }, 'got 31'],
    [{ [secretKey]: `+/${'A'.repeat(60)}` }, 'got 0'],
  ])('need a key that is one: %j', (entries, got) => {
    expect(() => restRules(of({ ...filter, ...entries }))).toThrow(
      `spark.master.rest.filters needs ${secretKey}: expected at least 32 bytes in BASE64URL, ${got}`,
    )
  })
})
