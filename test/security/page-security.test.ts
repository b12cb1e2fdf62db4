/** What a server of pages is given of the rules, in its first life and in the next ones. */
import { expect, test } from 'vitest'

import { Configuration } from '../../src/conf/configuration.js'
import { pageSecurity, securityOnPort } from '../../src/security/page-security.js'
import { webSecurity, type WebSecurity } from '../../src/security/web-security.js'
import { recordingLog } from '../control/recorder.js'

const open = webSecurity(new Configuration(), 'master').security
const identity = { key: 'k', cert: 'c', versions: null, ciphers: null, clientAuthorities: null }
const secure: WebSecurity = { ...open, secure: { identity, port: null } }

test('P50: a web UI that is open to all has no gate', () => {
  expect(pageSecurity(open, recordingLog())).toEqual({
    headers: open.headers,
    showErrorStacks: true,
  })
  const tokens = { secretKey: new Uint8Array(32), requireExpiration: false }
  const guarded = { ...secure, access: { tokens, acls: null } }
  expect(pageSecurity(guarded, recordingLog())).toMatchObject({
    gate: { admit: expect.any(Function) },
    secure: { port: null },
  })
})

test('P56: who comes after a thread that died serves on its port', () => {
  expect(securityOnPort(secure, 8480).secure).toEqual({ identity, port: 8480 })
  expect(securityOnPort(open, null)).toBe(open)
})
